# Config: what is recorded of this account, and where it is written.
locals {
  config_name = "${var.prefix}-config"
}

data "aws_iam_policy_document" "config_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

data "aws_iam_policy_document" "config" {
  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketAcl", "s3:ListBucket"]
    resources = ["arn:aws:s3:::${var.audit.bucket}"]
  }

  statement {
    sid       = "Write"
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::${var.audit.bucket}/config/AWSLogs/${local.account_id}/*"]
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.audit.key_arn]
  }
}

resource "aws_iam_role" "config" {
  name               = local.config_name
  assume_role_policy = data.aws_iam_policy_document.config_trust.json
}

# AWS keeps the list of what Config must be able to read of every service.
resource "aws_iam_role_policy_attachment" "config" {
  role       = aws_iam_role.config.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_iam_role_policy" "config" {
  name   = "write"
  role   = aws_iam_role.config.id
  policy = data.aws_iam_policy_document.config.json
}

resource "aws_config_configuration_recorder" "account" {
  name     = local.config_name
  role_arn = aws_iam_role.config.arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }

  recording_mode {
    recording_frequency = var.recording_frequency
  }
}

resource "aws_config_delivery_channel" "account" {
  name           = local.config_name
  s3_bucket_name = var.audit.bucket
  s3_key_prefix  = "config"
  s3_kms_key_arn = var.audit.key_arn

  snapshot_delivery_properties {
    delivery_frequency = "TwentyFour_Hours"
  }

  depends_on = [aws_config_configuration_recorder.account, aws_iam_role_policy.config]
}

resource "aws_config_configuration_recorder_status" "account" {
  name       = aws_config_configuration_recorder.account.name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.account]
}
