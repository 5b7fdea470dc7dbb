# What the function hears.
locals {
  subscriptions = {
    feed_summit_outfitters = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 300
      rules = {
        inventory = {
          bus          = local.platform.buses["inventory"].name
          sources      = ["lakeside.inventory"]
          detail_types = ["StockLevelChanged"]
        }
      }
    }
  }
}

module "subscription" {
  source   = "../modules/subscription"
  for_each = local.subscriptions

  platform               = local.platform
  function               = module.function[each.key]
  rules                  = each.value.rules
  batch_size             = each.value.batch_size
  max_receive_count      = each.value.max_receive_count
  maximum_concurrency    = var.maximum_concurrency
  oldest_message_seconds = each.value.oldest_message_seconds
}
