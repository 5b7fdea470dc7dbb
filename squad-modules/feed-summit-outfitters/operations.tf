# What of this consumer operations may look at.
module "operations" {
  source = "../modules/operations"

  squad     = "feed-summit-outfitters"
  platform  = local.platform
  functions = { for name, function in module.function : name => function.operations }
  queues    = { for name, consumer in module.subscription : name => consumer.operations }
  tables    = { feed-summit-outfitters = module.table.name }
}
