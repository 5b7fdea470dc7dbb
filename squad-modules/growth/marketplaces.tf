# The marketplaces: each has a queue in order, a secret with its credential, and a mapping of its own, so that one that is
# slow or broken holds up no other.
locals {
  publish_stock_timeout_seconds = lookup(
    var.function_timeout_seconds, "publish_stock", local.functions.publish_stock.timeout_seconds
  )

  # A marketplace that is away for some minutes is no news: twenty deliveries, a minute apart.
  publish_stock_max_receive_count = 20

  # Apart from the other settings of functions, because these queues follow the timeout of one of them.
  routes = {
    route_stock = {
      environment = {
        MARKETPLACE_QUEUES = jsonencode({ for name, queue in module.marketplace_queue : name => queue.url })
      }
      statements = {
        SendToMarketplaces = {
          actions   = ["sqs:SendMessage"]
          resources = [for queue in module.marketplace_queue : queue.arn]
        }
      }
    }
  }
}

# Here and not with the mapping, because `route-stock` must know the queues before `publish-stock` is there to be fed.
module "marketplace_queue" {
  source   = "../modules/queue"
  for_each = var.marketplaces

  name                       = "publish-stock-${each.key}"
  platform                   = local.platform
  fifo                       = true
  visibility_timeout_seconds = 6 * local.publish_stock_timeout_seconds
  max_receive_count          = local.publish_stock_max_receive_count
  oldest_message_seconds     = 900
  runbooks                   = { dead_letters = "marketplace-behind", behind = "marketplace-behind" }
}

module "marketplace" {
  source   = "../modules/subscription"
  for_each = var.marketplaces

  platform            = local.platform
  function            = module.function["publish_stock"]
  queue               = module.marketplace_queue[each.key]
  batch_size          = 10
  maximum_concurrency = var.maximum_concurrency
}

# Without a value: whoever has the credential puts it here, and a rotation replaces it. The function asks for AWSCURRENT.
resource "aws_secretsmanager_secret" "marketplace" {
  for_each = var.marketplaces

  name                    = "${local.platform.prefix}-growth/marketplaces/${each.key}"
  description             = "What ${each.key} knows us by."
  kms_key_id              = local.platform.keys.data
  recovery_window_in_days = var.secret_recovery_window_days
}
