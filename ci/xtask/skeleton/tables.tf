module "table" {
  source = "../modules/table"

  name                = "<name>"
  platform            = local.platform
  deletion_protection = var.deletion_protection
}
