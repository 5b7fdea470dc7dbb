# The one place with personal data: how customers are reached, and where orders go. Everything else holds references.
#
# `CUSTOMER#<id>` / `CONTACT` has email, phone and preferredChannel (EMAIL, SMS or NONE); `ADDRESS#<id>` / `ADDRESS` has
# name, street, city, postalCode and country. An address that changes gets a new id, so that a label is asked for again
# with what it was asked for first. It has no stream and no TTL: nothing of it travels, and whoever keeps the
# customers keeps it.
resource "aws_dynamodb_table" "directory" {
  name                        = "${var.prefix}-directory"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

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
}
