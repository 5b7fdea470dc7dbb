module "table" {
  source = "../modules/table"

  name                = "fulfilment"
  platform            = local.platform
  stream              = true
  deletion_protection = var.deletion_protection
  capacity            = lookup(var.table_capacity, "fulfilment", null)
}
