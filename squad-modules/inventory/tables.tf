module "table" {
  source = "../modules/table"

  name     = "inventory"
  platform = local.platform
  stream   = true

  # Only items that hold units have a `heldShard`.
  indexes = {
    held-by-end = { hash_key = "heldShard", range_key = "expiresAt", range_key_type = "N" }
  }

  deletion_protection = var.deletion_protection
}
