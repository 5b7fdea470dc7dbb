# What holds for everything in the account, whoever makes it.
resource "aws_s3_account_public_access_block" "account" {
  for_each = var.in_force.public_access_block ? { account = local.account_id } : {}

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_ebs_encryption_by_default" "account" {
  enabled = true
}
