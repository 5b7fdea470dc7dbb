# What the door itself may do: put orders, cancellations and sales on their queues. And the role with which API Gateway
# logs.
data "aws_iam_policy_document" "door_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "door" {
  statement {
    sid       = "AcceptOrders"
    actions   = ["sqs:SendMessage"]
    resources = [local.cancel_queue_arn, local.ingest_queue_arn]
  }

  statement {
    sid       = "RecordSales"
    actions   = ["sqs:SendMessage"]
    resources = [local.sales_queue_arn]
  }

  dynamic "statement" {
    for_each = aws_ssm_parameter.role

    content {
      sid       = "TellTheRole"
      actions   = ["ssm:GetParameter"]
      resources = [statement.value.arn]
    }
  }

  statement {
    sid       = "EncryptThem"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.class["messaging"].arn]
  }
}

resource "aws_iam_role" "door" {
  name               = "${var.prefix}-api${local.role_suffix}"
  assume_role_policy = data.aws_iam_policy_document.door_trust.json
}

resource "aws_iam_role_policy" "door" {
  name   = "accept-orders"
  role   = aws_iam_role.door.id
  policy = data.aws_iam_policy_document.door.json
}

# What API Gateway refuses access logs without, however many doors there are. A door's own role does not help.
data "aws_iam_policy_document" "api_logs" {
  statement {
    sid = "WriteLogs"
    actions = [
      "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
      "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role" "api_logs" {
  count = var.set_api_log_role ? 1 : 0

  name               = "${var.prefix}-api-logs${local.role_suffix}"
  assume_role_policy = data.aws_iam_policy_document.door_trust.json
}

resource "aws_iam_role_policy" "api_logs" {
  count = var.set_api_log_role ? 1 : 0

  name   = "write-logs"
  role   = aws_iam_role.api_logs[0].id
  policy = data.aws_iam_policy_document.api_logs.json
}

resource "aws_api_gateway_account" "logs" {
  count = var.set_api_log_role ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.api_logs[0].arn

  depends_on = [aws_iam_role_policy.api_logs]
}
