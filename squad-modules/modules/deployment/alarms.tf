# The share of failures of what comes through the alias. Old and new version answer there together, so a new one that
# always fails shows as its share alone: half of its first share is the most that is borne.
resource "aws_cloudwatch_metric_alarm" "error_rate" {
  for_each = local.shifted

  alarm_name          = "${each.value.function}-error-rate"
  alarm_description   = "${each.value.function} fails too many of its invocations: a shift to a new version is taken back."
  threshold           = min(5, var.settings.canary.percent / 2)
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.platform.alarm_topic_arn]

  metric_query {
    id          = "rate"
    expression  = "IF(invocations > 0, 100 * errors / invocations, 0)"
    label       = "Percent of invocations that fail"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", invocations = "Invocations" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        stat        = "Sum"
        period      = 60
        dimensions = {
          FunctionName = each.value.function
          Resource     = "${each.value.function}:${each.value.alias}"
        }
      }
    }
  }
}
