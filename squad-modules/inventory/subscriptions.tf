# What each function hears. The saga also sends its commands to the queue of reserve-stock.
locals {
  subscriptions = {
    # Commands, and sales as the partners' door writes them.
    adjust_stock = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 300
      rules                  = {}
    }
    reserve_stock = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 120
      rules = {
        orders = {
          bus          = local.platform.buses["orders"].name
          sources      = ["lakeside.orders"]
          detail_types = ["OrderCreated"]
        }
      }
    }
    project_store_stock = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 300
      rules = {
        inventory = {
          bus          = local.platform.buses["inventory"].name
          sources      = ["lakeside.inventory"]
          detail_types = ["NodeStockChanged", "StockLevelChanged"]
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
