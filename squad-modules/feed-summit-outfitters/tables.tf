module "table" {
  source = "../modules/table"

  name                = "feed-summit-outfitters"
  platform            = local.platform
  deletion_protection = var.deletion_protection
}
