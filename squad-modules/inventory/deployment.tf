# How new code of the functions becomes live.
module "deployment" {
  source = "../modules/deployment"

  squad    = "inventory"
  platform = local.platform
  settings = local.settings
  functions = merge(
    { for name, function in module.function : name => function.deployment },
    { publish_outbox = module.outbox.function.deployment },
  )
}
