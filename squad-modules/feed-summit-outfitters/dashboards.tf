# The squad's dashboard: the state of its alarms, and what they watch.
locals {
  alarms = merge(
    concat(
      [for part in module.function : part.alarms],
      [for part in module.subscription : part.alarms],
      [
        module.deployment.alarms,
        module.table.alarms,
      ],
    )...
  )
}

module "dashboard" {
  source = "../../platform-terraform/modules/dashboard"
  count  = var.dashboards ? 1 : 0

  name   = "${local.platform.prefix}-feed-summit-outfitters"
  region = local.platform.region
  alarms = local.alarms
}

moved {
  from = module.dashboard
  to   = module.dashboard[0]
}
