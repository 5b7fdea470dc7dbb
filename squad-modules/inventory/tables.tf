module "table" {
  source = "../modules/table"

  name     = "inventory"
  platform = local.platform
  stream   = true

  # Only items that hold units have a `heldShard`, and only the first pool of a SKU a `stockShard`.
  indexes = {
    held-by-end   = { hash_key = "heldShard", range_key = "expiresAt", range_key_type = "N" }
    skus-by-shard = { hash_key = "stockShard", range_key = "sku" }
  }

  deletion_protection = var.deletion_protection
  capacity            = lookup(var.table_capacity, "inventory", null)
}

# What others may know of the stock: made of what was told, never written by anything else.
module "store_stock_table" {
  source = "../modules/table"

  name     = "store-stock"
  platform = local.platform

  # Only nodes' items have a `byNode`.
  indexes = {
    stock-by-node = { hash_key = "byNode", range_key = "sku", projection = ["onHand"] }
  }

  deletion_protection = var.deletion_protection
  capacity            = lookup(var.table_capacity, "store-stock", null)
}
