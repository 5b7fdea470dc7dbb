# Where events lie for later questions, and the table that Athena asks.
resource "aws_s3_bucket" "analytics" {
  for_each = local.analytics

  bucket        = local.analytics_bucket
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_public_access_block" "analytics" {
  for_each = aws_s3_bucket.analytics

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "analytics" {
  for_each = aws_s3_bucket.analytics

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "analytics" {
  for_each = aws_s3_bucket.analytics

  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.platform.keys.data
    }
  }
}

# Nobody changes an event, so there is nothing to keep versions of but mistakes: a month is enough to notice one.
resource "aws_s3_bucket_versioning" "analytics" {
  for_each = aws_s3_bucket.analytics

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "analytics" {
  for_each = aws_s3_bucket.analytics

  bucket = each.value.id

  rule {
    id     = "events"
    status = "Enabled"

    filter {
      prefix = "events/"
    }

    # Asked less and less, and still at once.
    transition {
      days          = 90
      storage_class = "GLACIER_IR"
    }

    expiration {
      days = var.analytics_retention_days
    }
  }

  rule {
    id     = "errors"
    status = "Enabled"

    filter {
      prefix = "errors/"
    }

    expiration {
      days = 90
    }
  }

  rule {
    id     = "leftovers"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }

  depends_on = [aws_s3_bucket_versioning.analytics]
}

data "aws_iam_policy_document" "lake" {
  statement {
    sid       = "EncryptedConnectionsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = flatten([for bucket in aws_s3_bucket.analytics : [bucket.arn, "${bucket.arn}/*"]])

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

resource "aws_s3_bucket_policy" "analytics" {
  for_each = var.analytics_plain_http ? {} : aws_s3_bucket.analytics

  bucket = each.value.id
  policy = data.aws_iam_policy_document.lake.json

  depends_on = [aws_s3_bucket_public_access_block.analytics]
}

resource "aws_glue_catalog_database" "analytics" {
  for_each = local.analytics

  name        = replace(local.analytics_name, "-", "_")
  description = "What was said on the buses."
}

# The partitions are computed from what is asked for, so nobody has to look for new ones.
resource "aws_glue_catalog_table" "events" {
  for_each = local.analytics

  name          = "events"
  description   = "Every event of every domain, by the day of its arrival. One that was replayed is here again."
  database_name = aws_glue_catalog_database.analytics[each.key].name
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    classification                = "json"
    "projection.enabled"          = "true"
    "projection.domain.type"      = "enum"
    "projection.domain.values"    = join(",", sort(keys(local.analytics_domains)))
    "projection.day.type"         = "date"
    "projection.day.format"       = "yyyy-MM-dd"
    "projection.day.range"        = "${var.analytics_first_day},NOW"
    "storage.location.template"   = "s3://${local.analytics_bucket}/events/domain=$${domain}/day=$${day}/"
    "projection.day.interval"     = "1"
    "projection.day.intervalUnit" = "DAYS"
  }

  partition_keys {
    name    = "domain"
    type    = "string"
    comment = "Who said it."
  }

  partition_keys {
    name    = "day"
    type    = "string"
    comment = "When it arrived, in UTC: 2026-11-27."
  }

  storage_descriptor {
    location      = "s3://${local.analytics_bucket}/events/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    compressed    = true

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters = {
        "mapping.detail_type" = "detail-type"
        "mapping.replay_name" = "replay-name"
        "case.insensitive"    = "true"
      }
    }

    dynamic "columns" {
      for_each = [
        { name = "source", comment = "The producer: lakeside.orders." },
        { name = "detail_type", comment = "The event: OrderCreated." },
        { name = "time", comment = "When it was published." },
        { name = "replay_name", comment = "Set when it comes from the archive." },
        { name = "detail", comment = "The contract's JSON: metadata and data." },
      ]

      content {
        name    = columns.value.name
        type    = "string"
        comment = columns.value.comment
      }
    }
  }
}
