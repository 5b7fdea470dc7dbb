# What customers were not told, and what marketplaces do not show: nobody tries again, so a person must look.
locals {
  namespace = "${local.platform.prefix}/growth"

  # By the name of the metric. A function writes the outcome into its log.
  outcomes = {
    notices-uncertain = {
      function    = "notify-customer"
      outcome     = "UNCERTAIN"
      severity    = "ticket"
      description = "It is not known whether customers got their messages, and nobody sends them again."
      objective   = "at most ${var.doubtful_messages} messages in 5 minutes are uncertain"
      runbook     = "notification-uncertain"
      graph       = "Messages that may not have arrived"
      threshold   = var.doubtful_messages
    }
    notices-undeliverable = {
      function    = "notify-customer"
      outcome     = "UNDELIVERABLE"
      severity    = "ticket"
      description = "Messages to customers cannot be delivered, and nobody sends them again."
      objective   = "at most ${var.doubtful_messages} messages in 5 minutes are undeliverable"
      runbook     = "notification-uncertain"
      graph       = "Messages that may not have arrived"
      threshold   = var.doubtful_messages
    }
    # A level that no marketplace shows is an oversale waiting to happen.
    levels-refused = {
      function    = "publish-stock"
      outcome     = "REFUSED"
      severity    = "page"
      description = "A marketplace refuses our levels and shows old ones."
      objective   = "at most ${var.levels_not_shown} levels in 5 minutes are not shown"
      runbook     = "marketplace-behind"
      graph       = "Levels that are not shown"
      threshold   = var.levels_not_shown
    }
    levels-unauthorized = {
      function    = "publish-stock"
      outcome     = "UNAUTHORIZED"
      severity    = "page"
      description = "A marketplace does not let us in and shows old levels."
      objective   = "at most ${var.levels_not_shown} levels in 5 minutes are not shown"
      runbook     = "marketplace-behind"
      graph       = "Levels that are not shown"
      threshold   = var.levels_not_shown
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "outcome" {
  for_each = local.outcomes

  name           = "${local.platform.prefix}-${each.key}"
  log_group_name = "/aws/lambda/${local.platform.prefix}-${each.value.function}"
  pattern        = "{ $.outcome = \"${each.value.outcome}\" }"

  metric_transformation {
    namespace = local.namespace
    name      = each.key
    value     = "1"
  }

  depends_on = [module.function]
}

module "alarms" {
  source = "../../platform-terraform/modules/alarms"

  platform = local.platform

  alarms = {
    for name, alarm in local.outcomes : name => merge(alarm, {
      period_seconds = 300
      metrics = {
        outcomes = { namespace = local.namespace, name = name, statistic = "Sum" }
      }
    })
  }
}
