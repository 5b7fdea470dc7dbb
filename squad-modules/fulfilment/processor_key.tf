# What opens the payment processor: a secret without a value, who may read it, and what replaces it.
locals {
  # The platform's key for secrets, where it has one apart from its data's.
  secrets_key = coalesce(try(local.platform.keys.secrets, null), local.platform.keys.data)

  # Where the processor is, and the name of what opens it, never what is in it.
  processor = {
    PAYMENT_PROCESSOR_URL    = var.payment_processor_url
    PAYMENT_PROCESSOR_SECRET = aws_secretsmanager_secret.payment_processor.arn
  }

  processor_key_readers = ["capture_payment", "refund_payment", "rotate_processor_key"]

  read_the_processor_key = {
    ReadTheProcessorKey = {
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [aws_secretsmanager_secret.payment_processor.arn]
    }
    DecryptTheProcessorKey = { actions = ["kms:Decrypt"], resources = [local.secrets_key] }
  }

  rotate_the_processor_key = {
    RotateTheProcessorKey = {
      actions = [
        "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
      ]
      resources = [aws_secretsmanager_secret.payment_processor.arn]
    }
    EncryptTheProcessorKey = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [local.secrets_key] }
  }
}

# Without a value: whoever has the first key puts it here, and rotations replace it. Functions ask for AWSCURRENT.
resource "aws_secretsmanager_secret" "payment_processor" {
  name                    = "${local.platform.prefix}/payment-processor"
  description             = "What the payment processor knows us by."
  kms_key_id              = local.secrets_key
  recovery_window_in_days = var.secret_recovery_window_days
}

# Whatever else may be granted in this account, nobody but these functions sees the key. People put one, move its stages and
# start rotations without seeing it.
data "aws_iam_policy_document" "processor_key" {
  statement {
    sid       = "OnlyFunctionsRead"
    effect    = "Deny"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["*"] # In the policy of a secret: that secret.

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    # AWS compares the role; the emulator compares its session.
    condition {
      test     = "ArnNotLike"
      variable = "aws:PrincipalArn"
      values = flatten([
        for name in local.processor_key_readers : [
          module.function[name].role.arn,
          "arn:aws:sts::${local.platform.account_id}:assumed-role/${module.function[name].role.name}/*",
        ]
      ])
    }
  }
}

resource "aws_secretsmanager_secret_policy" "processor_key" {
  secret_arn          = aws_secretsmanager_secret.payment_processor.arn
  policy              = data.aws_iam_policy_document.processor_key.json
  block_public_policy = true
}

resource "aws_secretsmanager_secret_rotation" "processor_key" {
  count = var.processor_key_rotation_days > 0 ? 1 : 0

  secret_id           = aws_secretsmanager_secret.payment_processor.id
  rotation_lambda_arn = module.function["rotate_processor_key"].alias_arn
  # The first key is put after this was applied, and there is nothing to replace before.
  rotate_immediately = false

  rotation_rules {
    automatically_after_days = var.processor_key_rotation_days
  }

  depends_on = [aws_lambda_permission.rotation]
}

resource "aws_lambda_permission" "rotation" {
  statement_id   = "secrets-manager"
  action         = "lambda:InvokeFunction"
  function_name  = module.function["rotate_processor_key"].arn
  qualifier      = "live"
  principal      = "secretsmanager.amazonaws.com"
  source_account = local.platform.account_id
  source_arn     = aws_secretsmanager_secret.payment_processor.arn
}

# Payments wait while the processor does not take our key, and not for ever.
resource "aws_cloudwatch_log_metric_filter" "not_let_in" {
  for_each = toset(["capture-payment", "refund-payment"])

  name           = "${local.platform.prefix}-${each.key}-unauthorized"
  log_group_name = "/aws/lambda/${local.platform.prefix}-${each.key}"
  pattern        = "{ $.outcome = \"UNAUTHORIZED\" }"

  metric_transformation {
    namespace = "${local.platform.prefix}/fulfilment"
    name      = "payments-unauthorized"
    value     = "1"
  }

  depends_on = [module.function]
}

module "key_alarms" {
  source = "../../platform-terraform/modules/alarms"

  platform = local.platform

  alarms = {
    # A rotation that fails is tried once more at best, so that one failed step is news.
    processor-key-rotation = {
      severity       = "ticket" # The current key goes on working.
      description    = "The payment processor's key could not be replaced."
      objective      = "the key is replaced every month"
      runbook        = "processor-key"
      graph          = "Steps of a rotation that failed"
      threshold      = 0
      period_seconds = 300

      metrics = {
        errors = {
          namespace  = "AWS/Lambda"
          name       = "Errors"
          statistic  = "Sum"
          dimensions = { FunctionName = "${local.platform.prefix}-rotate-processor-key" }
        }
      }
    }

    payments-unauthorized = {
      severity       = "page"
      description    = "The payment processor does not take our key: payments and refunds wait, and run out of deliveries."
      objective      = "every call is let in"
      runbook        = "processor-key"
      graph          = "Calls that the payment processor did not let in"
      threshold      = var.payments_not_let_in
      period_seconds = 300

      metrics = {
        refusals = {
          namespace = "${local.platform.prefix}/fulfilment"
          name      = "payments-unauthorized"
          statistic = "Sum"
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.rotation
  to   = module.key_alarms.aws_cloudwatch_metric_alarm.alarm["processor-key-rotation"]
}

moved {
  from = aws_cloudwatch_metric_alarm.not_let_in
  to   = module.key_alarms.aws_cloudwatch_metric_alarm.alarm["payments-unauthorized"]
}
