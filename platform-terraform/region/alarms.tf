# Where every alarm of the platform and the squads goes.
resource "aws_sns_topic" "alarms" {
  name              = "${var.prefix}-alarms"
  kms_master_key_id = aws_kms_key.class["messaging"].arn
}

resource "aws_cloudwatch_metric_alarm" "door_failures" {
  alarm_name          = "${var.prefix}-api-failures"
  alarm_description   = "The door answered with 5xx: orders are being turned away."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5XXError"
  dimensions          = { ApiName = aws_api_gateway_rest_api.door.name, Stage = aws_api_gateway_stage.live.stage_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
