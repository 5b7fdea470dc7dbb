# What of this squad operations may look at.
module "operations" {
  source = "../modules/operations"

  squad    = "inventory"
  platform = local.platform
  functions = merge(
    { for name, function in module.function : name => function.operations },
    { publish_outbox = module.outbox.function.operations },
  )
  queues = merge(
    { for name, consumer in module.subscription : name => consumer.operations },
    { for name, schedule in module.schedule : name => schedule.operations },
    {
      inventory_publish_outbox = module.outbox.operations
      publish_levels           = module.levels.operations
    },
  )
  tables = {
    inventory   = module.table.name
    store-stock = module.store_stock_table.name
  }
}
