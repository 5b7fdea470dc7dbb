# A saga that fails was parked or ended where no catcher sees it: a person must look.
resource "aws_cloudwatch_metric_alarm" "saga" {
  for_each = toset(["ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"])

  alarm_name          = "${local.state_machine_name}-${each.key}"
  alarm_description   = "Sagas ended without completing or compensating: find the order and repair it."
  namespace           = "AWS/States"
  metric_name         = each.key
  dimensions          = { StateMachineArn = aws_sfn_state_machine.saga.arn }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.platform.alarm_topic_arn]
}
