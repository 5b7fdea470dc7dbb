# What the clock invokes.
module "schedule" {
  source = "../modules/schedule"
  for_each = {
    reconcile_stock    = { expression = "rate(15 minutes)", silence_seconds = 3600 }
    sweep_reservations = { expression = "rate(1 minute)", silence_seconds = 600 }
  }

  platform        = local.platform
  function        = module.function[each.key]
  expression      = each.value.expression
  silence_seconds = each.value.silence_seconds
}
