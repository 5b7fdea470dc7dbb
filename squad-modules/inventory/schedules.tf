# What the clock invokes.
module "schedule" {
  source = "../modules/schedule"
  for_each = {
    reconcile_stock    = "rate(15 minutes)"
    sweep_reservations = "rate(1 minute)"
  }

  platform   = local.platform
  function   = module.function[each.key]
  expression = each.value
}
