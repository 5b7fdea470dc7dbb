# A rate, so that one failure in a night of few invocations, which is tried again, wakes nobody, and a storm is told from the
# noise of a busy morning: most of the last minutes must have been bad.
module "alarms" {
  source = "../../../platform-terraform/modules/alarms"

  platform = var.platform
  subject  = var.name

  alarms = {
    errors = {
      severity          = "page"
      description       = "${local.full_name} fails too many of its invocations."
      objective         = "at most ${var.errors.percent} % of its invocations fail in ${var.errors.breaching_periods} of ${var.errors.periods} periods of ${var.errors.period_seconds} s"
      runbook           = var.errors.runbook
      graph             = "Invocations that fail in %"
      expression        = "IF(invocations > 0, 100 * errors / invocations, 0)"
      threshold         = var.errors.percent
      period_seconds    = var.errors.period_seconds
      periods           = var.errors.periods
      breaching_periods = var.errors.breaching_periods

      metrics = {
        for id, name in { errors = "Errors", invocations = "Invocations" } : id => {
          namespace              = "AWS/Lambda"
          name                   = name
          statistic              = "Sum"
          dimensions             = { FunctionName = aws_lambda_function.function.function_name }
        }
      }
    }

    throttles = {
      severity          = "page"
      description       = "${local.full_name} is throttled."
      objective         = "no invocation is refused for want of concurrency for longer than a moment"
      runbook           = "throttled"
      graph             = "Throttles"
      threshold         = 0
      periods           = 3
      breaching_periods = 2

      metrics = {
        throttles = {
          namespace  = "AWS/Lambda"
          name       = "Throttles"
          statistic  = "Sum"
          dimensions = { FunctionName = aws_lambda_function.function.function_name }
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.errors
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["errors"]
}

moved {
  from = aws_cloudwatch_metric_alarm.throttles
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["throttles"]
}
