# What of this consumer operations may look at.
module "operations" {
  source = "../modules/operations"

  squad     = "<name>"
  platform  = local.platform
  functions = { for name, function in module.function : name => function.operations }
  queues    = { for name, consumer in module.subscription : name => consumer.operations }
  tables    = { <name> = module.table.name }
}
