module "outbox" {
  source = "../modules/outbox"

  squad      = "growth"
  platform   = local.platform
  bus        = local.platform.buses["growth"]
  stream_arn = module.table.stream_arn
  transport  = var.outbox_transport
  settings   = local.settings
}
