# What each function hears. `publish-stock` hears its marketplaces' queues, see marketplaces.tf. The first two keep what they hear of an order, so that the facts may come in any order.
locals {
  subscriptions = {
    accrue_loyalty = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 900
      rules = {
        orders = {
          bus          = local.platform.buses["orders"].name
          sources      = ["lakeside.orders"]
          detail_types = ["OrderCancelled", "OrderCreated", "OrderFulfilled", "OrderRejected"]
        }
      }
    }
    notify_customer = {
      # A message waits seconds for the post, and those behind it wait too.
      batch_size             = 5
      max_receive_count      = 5
      oldest_message_seconds = 600
      rules = {
        orders = {
          bus     = local.platform.buses["orders"].name
          sources = ["lakeside.orders"]
          detail_types = [
            "OrderCancelled", "OrderConfirmed", "OrderCreated", "OrderFulfilled", "OrderRejected",
          ]
        }
      }
    }
    route_stock = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 120
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
