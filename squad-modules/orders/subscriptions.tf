# What each function hears. order-ingest and cancel-order take what the door puts on their queues.
locals {
  subscriptions = {
    order_ingest = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 120
      rules                  = {}
    }
    cancel_order = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 120
      rules                  = {}
    }
    advance_order = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 300
      rules = {
        inventory = {
          bus          = local.platform.buses["inventory"].name
          sources      = ["lakeside.inventory"]
          detail_types = ["StockReservationFailed"]
        }
        fulfilment = {
          bus          = local.platform.buses["fulfilment"].name
          sources      = ["lakeside.fulfilment"]
          detail_types = ["FulfilmentCompleted", "FulfilmentFailed", "FulfilmentParked", "PaymentCaptured"]
        }
      }
    }
    order_status = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 120
      rules = {
        orders = {
          bus     = local.platform.buses["orders"].name
          sources = ["lakeside.orders"]
          detail_types = [
            "OrderCancellationRequested", "OrderCancelled", "OrderConfirmed", "OrderCreated", "OrderFulfilled",
            "OrderRejected",
          ]
        }
        inventory = {
          bus     = local.platform.buses["inventory"].name
          sources = ["lakeside.inventory"]
          detail_types = [
            "StockCommitted", "StockReleased", "StockReservationFailed", "StockReserved", "WarehouseAllocated",
          ]
        }
        fulfilment = {
          bus     = local.platform.buses["fulfilment"].name
          sources = ["lakeside.fulfilment"]
          detail_types = [
            "FulfilmentCompleted", "FulfilmentFailed", "FulfilmentParked", "PaymentCaptured", "PaymentDeclined",
            "PaymentRefunded", "ShipmentLabelled",
          ]
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
