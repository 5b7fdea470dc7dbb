# What the door itself may do: put orders on one queue.
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
    resources = [local.ingest_queue_arn]
  }

  statement {
    sid       = "EncryptThem"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.class["messaging"].arn]
  }
}

resource "aws_iam_role" "door" {
  name               = "${var.prefix}-api"
  assume_role_policy = data.aws_iam_policy_document.door_trust.json
}

resource "aws_iam_role_policy" "door" {
  name   = "accept-orders"
  role   = aws_iam_role.door.id
  policy = data.aws_iam_policy_document.door.json
}
