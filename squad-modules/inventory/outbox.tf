module "outbox" {
  source = "../modules/outbox"

  squad      = "inventory"
  platform   = local.platform
  bus        = local.platform.buses["inventory"]
  stream_arn = module.table.stream_arn
  transport  = var.outbox_transport
  settings   = local.settings
}
