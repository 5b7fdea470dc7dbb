# A customer who may not have been told: nobody tries again, so a person must look.
resource "aws_cloudwatch_log_metric_filter" "doubtful" {
  for_each = local.doubtful

  name           = "${local.platform.prefix}-${each.key}"
  log_group_name = "/aws/lambda/${local.platform.prefix}-notify-customer"
  pattern        = "{ $.outcome = \"${each.value}\" }"

  metric_transformation {
    namespace = local.namespace
    name      = each.key
    value     = "1"
  }

  depends_on = [module.function]
}

resource "aws_cloudwatch_metric_alarm" "doubtful" {
  for_each = local.doubtful

  alarm_name          = "${local.platform.prefix}-${each.key}"
  alarm_description   = "Messages to customers are ${each.value}: nobody sends them again."
  namespace           = local.namespace
  metric_name         = each.key
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = var.doubtful_messages
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.platform.alarm_topic_arn]
}

locals {
  namespace = "${local.platform.prefix}/growth"

  # By the name of the metric: the outcome that notify-customer writes into its log.
  doubtful = { "notices-uncertain" = "UNCERTAIN", "notices-undeliverable" = "UNDELIVERABLE" }
}

# A level that no marketplace shows is an oversale waiting to happen.
resource "aws_cloudwatch_log_metric_filter" "not_shown" {
  for_each = local.not_shown

  name           = "${local.platform.prefix}-${each.key}"
  log_group_name = "/aws/lambda/${local.platform.prefix}-publish-stock"
  pattern        = "{ $.outcome = \"${each.value}\" }"

  metric_transformation {
    namespace = local.namespace
    name      = each.key
    value     = "1"
  }

  depends_on = [module.function]
}

resource "aws_cloudwatch_metric_alarm" "not_shown" {
  for_each = local.not_shown

  alarm_name          = "${local.platform.prefix}-${each.key}"
  alarm_description   = "Marketplaces show old levels: ours are ${each.value}."
  namespace           = local.namespace
  metric_name         = each.key
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = var.levels_not_shown
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.platform.alarm_topic_arn]
}

locals {
  # By the name of the metric: the outcome that publish-stock writes into its log.
  not_shown = { "levels-refused" = "REFUSED", "levels-unauthorized" = "UNAUTHORIZED" }
}
