resource "aws_cloudwatch_log_metric_filter" "stock_differs" {
  name           = "${local.platform.prefix}-${local.stock_differs}"
  log_group_name = "/aws/lambda/${local.platform.prefix}-reconcile-stock"
  pattern        = "{ $.outcome = \"STOCK_DIFFERS\" }"

  metric_transformation {
    namespace = local.namespace
    name      = local.stock_differs
    value     = "1"
  }

  depends_on = [module.function]
}

resource "aws_cloudwatch_metric_alarm" "stock_differs" {
  alarm_name          = "${local.platform.prefix}-${local.stock_differs}"
  alarm_description   = "Pools and nodes of a SKU disagree: something wrote past the rules. See docs/runbooks/stock-difference.md."
  namespace           = local.namespace
  metric_name         = local.stock_differs
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.platform.alarm_topic_arn]
}

locals {
  namespace     = "${local.platform.prefix}/inventory"
  stock_differs = "stock-differs"
}
