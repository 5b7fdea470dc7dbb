# Two buckets that pipelines share: Terraform's states, and the packages of functions. Each squad has its own part.
locals {
  buckets = {
    artifacts = "Packages of functions, below the squad's name."
    state     = "Terraform's states, one object for each root."
  }

  bucket_names = { for purpose in keys(local.buckets) : purpose => "${var.prefix}-${purpose}-${local.account_id}-${local.region}" }
}

data "aws_iam_policy_document" "pipelines_key" {
  statement {
    sid       = "AccountDelegatesToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${local.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "pipelines" {
  description             = "Terraform's states and packages of functions."
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_days
  policy                  = data.aws_iam_policy_document.pipelines_key.json
}

resource "aws_kms_alias" "pipelines" {
  name          = "alias/${var.prefix}-pipelines"
  target_key_id = aws_kms_key.pipelines.key_id
}

resource "aws_s3_bucket" "pipelines" {
  for_each = local.bucket_names

  bucket        = each.value
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_public_access_block" "pipelines" {
  for_each = aws_s3_bucket.pipelines

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "pipelines" {
  for_each = aws_s3_bucket.pipelines

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "pipelines" {
  for_each = aws_s3_bucket.pipelines

  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.pipelines.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "pipelines" {
  for_each = aws_s3_bucket.pipelines

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "pipelines" {
  for_each = aws_s3_bucket.pipelines

  bucket = each.value.id

  # A state is never forgotten, only what it was before.
  rule {
    id     = "forget-what-was-replaced"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.artifact_retention_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.pipelines]
}

data "aws_iam_policy_document" "pipelines" {
  for_each = local.bucket_names

  statement {
    sid       = "NothingInPlainText"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::${each.value}", "arn:aws:s3:::${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "pipelines" {
  for_each = aws_s3_bucket.pipelines

  bucket = each.value.id
  policy = data.aws_iam_policy_document.pipelines[each.key].json

  depends_on = [aws_s3_bucket_public_access_block.pipelines]
}
