module "outbox" {
  source = "../modules/outbox"

  squad      = "fulfilment"
  platform   = local.platform
  bus        = local.platform.buses["fulfilment"]
  stream_arn = module.table.stream_arn
  transport  = var.outbox_transport
  settings   = local.settings
}
