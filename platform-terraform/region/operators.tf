# What people may do with the command line `lakeside`: one policy to look, one more to repair. Attach them to the roles that
# people have. Names of squads' things are written down here, for the squads come after the platform.
locals {
  arn = { for service in ["cloudwatch", "dynamodb", "events", "lambda", "logs", "sqs", "ssm", "states"] : service => "arn:aws:${service}:${local.region}:${local.account_id}" }

  operated_saga = "${local.arn.states}:stateMachine:${var.prefix}-order-fulfilment"
  # A redrive or a look names an execution of it.
  operated_executions = "${local.arn.states}:execution:${var.prefix}-order-fulfilment:*"
  dead_letter_queues  = [for end in ["-dlq", "-dlq.fifo"] : "${local.arn.sqs}:${var.prefix}-*${end}"]

  # Of each table or index the items that are looked at, by the beginnings of their keys.
  operated_items = {
    ReadOrders      = { table = "table/${var.prefix}-orders", keys = ["ORDER#*", "SKU#*"] }
    ReadOrderStatus = { table = "table/${var.prefix}-order-status", keys = ["ORDER#*"] }
    ReadInventory   = { table = "table/${var.prefix}-inventory", keys = ["ADJUSTMENT#*", "ALLOCATION#*", "RESERVATION#*", "SKU#*"] }
    FindSkus        = { table = "table/${var.prefix}-inventory/index/skus-by-shard", keys = ["STOCK#*"] }
    FindHolds       = { table = "table/${var.prefix}-inventory/index/held-by-end", keys = ["HELD#*"] }
    ReadFulfilment  = { table = "table/${var.prefix}-fulfilment", keys = ["APPROVAL#*", "LABEL#*", "PAYMENT#*"] }
  }

  # Those of them that are read many at a time, by whoever compares what became of many orders.
  reconciled_items = {
    ReadManyOrders       = { table = "table/${var.prefix}-orders", keys = ["ORDER#*"] }
    ReadManyViews        = { table = "table/${var.prefix}-order-status", keys = ["ORDER#*"] }
    ReadManyReservations = { table = "table/${var.prefix}-inventory", keys = ["RESERVATION#*"] }
    ReadManyPayments     = { table = "table/${var.prefix}-fulfilment", keys = ["PAYMENT#*"] }
  }
}

data "aws_iam_policy_document" "look" {
  statement {
    sid     = "FindTheInstallation"
    actions = ["ssm:GetParameter", "ssm:GetParametersByPath"]
    resources = [
      for name in ["contracts/v1", "operations", "operations/*", "platform/v1", "region/role"] : "${local.arn.ssm}:parameter/${var.prefix}/${name}"
    ]
  }

  dynamic "statement" {
    for_each = merge(
      { for sid, items in local.operated_items : sid => merge(items, { action = "dynamodb:Query" }) },
      { for sid, items in local.reconciled_items : sid => merge(items, { action = "dynamodb:BatchGetItem" }) },
    )

    content {
      sid       = statement.key
      actions   = [statement.value.action]
      resources = ["${local.arn.dynamodb}:${statement.value.table}"]

      condition {
        test     = "ForAllValues:StringLike"
        variable = "dynamodb:LeadingKeys"
        values   = statement.value.keys
      }
    }
  }

  statement {
    sid       = "SeeSagas"
    actions   = ["states:DescribeExecution", "states:GetExecutionHistory", "states:ListExecutions"]
    resources = [local.operated_saga, local.operated_executions]
  }

  statement {
    sid       = "SeeQueues"
    actions   = ["sqs:GetQueueAttributes"]
    resources = ["${local.arn.sqs}:${var.prefix}-*"]
  }

  # Whoever receives dead letters may see task tokens by other means than the command line.
  statement {
    sid       = "LookIntoDeadLetters"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:ReceiveMessage"]
    resources = local.dead_letter_queues
  }

  statement {
    sid       = "SearchLogs"
    actions   = ["logs:FilterLogEvents"]
    resources = ["${local.arn.logs}:log-group:/aws/lambda/${var.prefix}-*"]
  }

  statement {
    sid       = "SeeRulesAndArchives"
    actions   = ["events:DescribeArchive", "events:DescribeReplay", "events:ListTargetsByRule"]
    resources = [for kind in ["archive/${var.prefix}-*", "replay/${var.prefix}-*", "rule/${var.prefix}-*"] : "${local.arn.events}:${kind}"]
  }

  # What AWS lists it lists whole.
  statement {
    sid       = "List"
    actions   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "events:ListReplays", "events:ListRules", "lambda:ListEventSourceMappings"]
    resources = ["*"]
  }

  statement {
    sid       = "CompareStock"
    actions   = ["lambda:InvokeFunction"]
    resources = ["${local.arn.lambda}:function:${var.prefix}-reconcile-stock:live"]
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [for class in ["data", "logs", "messaging"] : aws_kms_key.class[class].arn]
  }
}

data "aws_iam_policy_document" "repair" {
  # Task tokens are no resources.
  statement {
    sid       = "AnswerSagas"
    actions   = ["states:SendTaskSuccess"]
    resources = ["*"]
  }

  statement {
    sid       = "StartAndRedriveSagas"
    actions   = ["states:RedriveExecution", "states:StartExecution"]
    resources = [local.operated_saga, local.operated_executions]
  }

  statement {
    sid       = "SayCompletions"
    actions   = ["events:PutEvents"]
    resources = [aws_cloudwatch_event_bus.domain["fulfilment"].arn]
  }

  statement {
    sid       = "Replay"
    actions   = ["events:CancelReplay", "events:StartReplay"]
    resources = [for kind in ["archive/${var.prefix}-*", "replay/${var.prefix}-*"] : "${local.arn.events}:${kind}"]
  }

  # Commands, and letters that go back.
  statement {
    sid       = "SendMessages"
    actions   = ["sqs:SendMessage"]
    resources = ["${local.arn.sqs}:${var.prefix}-*"]
  }

  statement {
    sid       = "DeleteDeadLetters"
    actions   = ["sqs:DeleteMessage"]
    resources = local.dead_letter_queues
  }

  statement {
    sid       = "EncryptMessages"
    actions   = ["kms:GenerateDataKey"]
    resources = [aws_kms_key.class["messaging"].arn]
  }
}

# Policies belong to the account and not to a Region, as roles do.
resource "aws_iam_policy" "look" {
  name        = "${var.prefix}-look${local.role_suffix}"
  description = "What whoever looks may do with lakeside."
  policy      = data.aws_iam_policy_document.look.json
}

resource "aws_iam_policy" "repair" {
  name        = "${var.prefix}-repair${local.role_suffix}"
  description = "What whoever repairs may do with lakeside beside looking."
  policy      = data.aws_iam_policy_document.repair.json
}
