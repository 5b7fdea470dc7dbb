# A squad's table: one for all of its items, told apart by their keys.
resource "aws_dynamodb_table" "table" {
  name                        = local.full_name
  billing_mode                = var.capacity == null ? "PAY_PER_REQUEST" : "PROVISIONED"
  read_capacity               = local.table_capacity.read
  write_capacity              = local.table_capacity.write
  hash_key                    = "pk"
  range_key                   = "sk"
  stream_enabled              = var.stream
  stream_view_type            = var.stream ? "NEW_AND_OLD_IMAGES" : null
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
}
