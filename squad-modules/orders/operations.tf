# What of this squad operations may look at.
module "operations" {
  source = "../modules/operations"

  squad    = "orders"
  platform = local.platform
  functions = merge(
    { for name, function in module.function : name => function.operations },
    { publish_outbox = module.outbox.function.operations },
  )
  queues = merge(
    { for name, consumer in module.subscription : name => consumer.operations },
    { orders_publish_outbox = module.outbox.operations },
  )
  tables = {
    orders       = module.table.name
    order-status = module.status_table.name
  }
}
