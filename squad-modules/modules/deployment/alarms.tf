# The share of failures of what comes through the alias. Old and new version answer there together, so a new one that
# always fails shows as its share alone: half of its first share is the most that is borne.
module "alarms" {
  source   = "../../../platform-terraform/modules/alarms"
  for_each = local.shifted

  platform = var.platform
  subject  = trimprefix(each.value.function, "${var.platform.prefix}-")

  alarms = {
    error-rate = {
      severity    = "page"
      description = "${each.value.function} fails too many of its invocations, so a shift to a new version is taken back."
      objective   = "at most ${min(5, var.settings.canary.percent / 2)} % of what comes through the alias fails in any minute"
      runbook     = "rollback"
      graph       = "Invocations through the alias that fail in %"
      expression  = "IF(invocations > 0, 100 * errors / invocations, 0)"
      threshold   = min(5, var.settings.canary.percent / 2)

      metrics = {
        for id, name in { errors = "Errors", invocations = "Invocations" } : id => {
          namespace              = "AWS/Lambda"
          name                   = name
          statistic              = "Sum"
          dimensions             = { FunctionName = each.value.function, Resource = "${each.value.function}:${each.value.alias}" }
        }
      }
    }
  }
}

locals {
  alarm_names = { for key, alarms in module.alarms : key => alarms.names["error-rate"] }
}
