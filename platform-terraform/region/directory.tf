# The one place with personal data: how customers are reached, and where orders go. Everything else holds references.
#
# `CUSTOMER#<id>` / `CONTACT` has email, phone and preferredChannel (EMAIL, SMS or NONE); `ADDRESS#<id>` / `ADDRESS` has
# name, street, city, postalCode and country. An address that changes gets a new id, so that a label is asked for again
# with what it was asked for first. It has no TTL: whoever keeps the customers keeps it. And it has no stream, so that
# nothing of it travels, but for the one that replication to another Region reads.
resource "aws_dynamodb_table" "directory" {
  count = local.owns_tables ? 1 : 0

  name                        = "${var.prefix}-directory"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = var.second_region != null
  stream_view_type            = var.second_region != null ? "NEW_AND_OLD_IMAGES" : null

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.class["directory"].arn
  }

  lifecycle {
    # Made where they lie.
    ignore_changes = [replica]
  }
}

resource "aws_dynamodb_table_replica" "directory" {
  count = local.owns_tables ? 0 : 1

  global_table_arn            = "arn:aws:dynamodb:${var.second_region.home}:${local.account_id}:table/${local.directory}"
  kms_key_arn                 = aws_kms_key.class["directory"].arn
  point_in_time_recovery      = true
  deletion_protection_enabled = var.deletion_protection
}
