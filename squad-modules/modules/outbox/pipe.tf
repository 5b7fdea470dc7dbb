# The transport `pipe`: no code of ours between the stream and the bus but the enrichment.
data "aws_iam_policy_document" "pipe_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["pipes.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.platform.account_id]
    }
  }
}

data "aws_iam_policy_document" "pipe" {
  dynamic "statement" {
    for_each = {
      ReadStream    = local.read_stream
      Park          = local.park
      EncryptParked = local.encrypt_parked
      Publish       = local.publish
      Enrich        = { actions = ["lambda:InvokeFunction"], resources = [module.function.alias_arn] }
      UseTheDataKey = { actions = ["kms:Decrypt"], resources = [var.platform.keys.data] }
    }

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_role" "pipe" {
  count = var.transport == "pipe" ? 1 : 0

  name                 = "${var.platform.prefix}-${var.squad}-outbox-pipe${var.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.pipe_trust.json
  permissions_boundary = var.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "pipe" {
  count = var.transport == "pipe" ? 1 : 0

  name   = "pipe"
  role   = aws_iam_role.pipe[0].id
  policy = data.aws_iam_policy_document.pipe.json
}

resource "aws_pipes_pipe" "outbox" {
  count = var.transport == "pipe" ? 1 : 0

  name          = local.pipe_name
  role_arn      = aws_iam_role.pipe[0].arn
  source        = var.stream_arn
  enrichment    = module.function.alias_arn
  target        = var.bus.arn
  desired_state = var.platform.regions.processing ? "RUNNING" : "STOPPED"

  source_parameters {
    dynamodb_stream_parameters {
      starting_position                  = "TRIM_HORIZON"
      batch_size                         = 10
      on_partial_batch_item_failure      = "AUTOMATIC_BISECT"
      maximum_retry_attempts             = local.retry.attempts
      maximum_record_age_in_seconds      = local.retry.age_seconds
      maximum_batching_window_in_seconds = 0

      dead_letter_config {
        arn = aws_sqs_queue.failures.arn
      }
    }

    filter_criteria {
      dynamic "filter" {
        for_each = local.filters

        content {
          pattern = filter.value
        }
      }
    }
  }

  target_parameters {
    input_template = "<$.detail>"

    eventbridge_event_bus_parameters {
      source      = "$.source"
      detail_type = "$.detailType"
    }
  }

  depends_on = [aws_iam_role_policy.pipe]
}
