module "outbox" {
  source = "../modules/outbox"

  squad      = "orders"
  platform   = local.platform
  bus        = local.platform.buses["orders"]
  stream_arn = module.table.stream_arn
  transport  = var.outbox_transport
  settings   = local.settings
}
