# How new code of the functions becomes live.
module "deployment" {
  source = "../modules/deployment"

  squad     = "<name>"
  platform  = local.platform
  settings  = local.settings
  functions = { for name, function in module.function : name => function.deployment }
}
