# What each function hears. Payments are commands of the saga, buffered because the processor throttles.
locals {
  # More callers at a time would only be turned away, and a backlog behind the processor is what the queue is for.
  payments = {
    batch_size             = 1
    max_receive_count      = 10
    rules                  = {}
    maximum_concurrency    = var.payment_maximum_concurrency
    oldest_message_seconds = 1800
    runbooks               = { dead_letters = "dead-letter-queue", behind = "payment-processor-down" }
  }

  subscriptions = {
    start_fulfilment = {
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
    # The saga does not ask whether its order is cancelled: what it would begin next is closed.
    cancel_fulfilment = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 120
      rules = {
        orders = {
          bus          = local.platform.buses["orders"].name
          sources      = ["lakeside.orders"]
          detail_types = ["OrderCancellationRequested"]
        }
      }
    }
    # A saga that ends where no catcher can see it left stock or money behind.
    recover_fulfilment = {
      batch_size             = 10
      max_receive_count      = 5
      oldest_message_seconds = 300
      rules = {
        failed = {
          bus          = "default"
          sources      = ["aws.states"]
          detail_types = ["Step Functions Execution Status Change"]
          detail = jsonencode({
            stateMachineArn = [local.state_machine_arn]
            status          = ["ABORTED", "FAILED", "TIMED_OUT"]
          })
        }
      }
    }
    capture_payment = local.payments
    refund_payment  = local.payments
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
  maximum_concurrency    = try(each.value.maximum_concurrency, var.maximum_concurrency)
  oldest_message_seconds = each.value.oldest_message_seconds
  runbooks               = try(each.value.runbooks, null)
}
