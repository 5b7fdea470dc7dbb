module "table" {
  source = "../modules/table"

  name                = "orders"
  platform            = local.platform
  stream              = true
  deletion_protection = var.deletion_protection
  capacity            = lookup(var.table_capacity, "orders", null)
}

# What customers read: rebuilt from facts, never written by anything else.
module "status_table" {
  source = "../modules/table"

  name     = "order-status"
  platform = local.platform

  # Only orders whose customer is known have a `customerKey`.
  indexes = {
    by-customer = { hash_key = "customerKey", range_key = "placedAt", range_key_type = "N" }
  }

  deletion_protection = var.deletion_protection
  capacity            = lookup(var.table_capacity, "order-status", null)
}

# Who partners are, and the digests of their credentials. Operations write it; nothing of it is in a state or a stream.
module "partners_table" {
  source = "../modules/table"

  name                = "partners"
  platform            = local.platform
  deletion_protection = var.deletion_protection
  capacity            = lookup(var.table_capacity, "partners", null)
}
