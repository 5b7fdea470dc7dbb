# A squad's table: one for all of its items, told apart by their keys. Of two Regions the home makes it, and the other one
# makes its replica, under a key of its own.
locals {
  # Replication reads the stream.
  streams = var.stream || var.platform.regions.home != null
  table   = one(concat(aws_dynamodb_table.table[*], data.aws_dynamodb_table.replica[*]))
}

resource "aws_dynamodb_table_replica" "replica" {
  count = var.platform.regions.owns_tables ? 0 : 1

  global_table_arn            = "arn:aws:dynamodb:${var.platform.regions.home}:${var.platform.account_id}:table/${local.full_name}"
  kms_key_arn                 = var.platform.keys.data
  point_in_time_recovery      = true
  deletion_protection_enabled = var.deletion_protection
}

# Knows what the replica does not tell: its stream.
data "aws_dynamodb_table" "replica" {
  count = var.platform.regions.owns_tables ? 0 : 1

  name = local.full_name

  depends_on = [aws_dynamodb_table_replica.replica]
}

resource "aws_dynamodb_table" "table" {
  count = var.platform.regions.owns_tables ? 1 : 0

  name                        = local.full_name
  billing_mode                = var.capacity == null ? "PAY_PER_REQUEST" : "PROVISIONED"
  read_capacity               = local.table_capacity.read
  write_capacity              = local.table_capacity.write
  hash_key                    = "pk"
  range_key                   = "sk"
  stream_enabled              = local.streams
  stream_view_type            = local.streams ? "NEW_AND_OLD_IMAGES" : null
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  dynamic "attribute" {
    for_each = merge([
      for index in values(var.indexes) : { (index.hash_key) = "S", (index.range_key) = index.range_key_type }
    ]...)

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = var.indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      read_capacity      = local.index_capacity[global_secondary_index.key].read
      write_capacity     = local.index_capacity[global_secondary_index.key].write
      projection_type    = length(global_secondary_index.value.projection) > 0 ? "INCLUDE" : "KEYS_ONLY"
      non_key_attributes = length(global_secondary_index.value.projection) > 0 ? global_secondary_index.value.projection : null
    }
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.platform.keys.data
  }

  lifecycle {
    # Made where they lie.
    ignore_changes = [replica]
  }
}
