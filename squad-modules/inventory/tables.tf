module "table" {
  source = "../modules/table"

  name                = "inventory"
  platform            = local.platform
  stream              = true
  deletion_protection = var.deletion_protection
}
