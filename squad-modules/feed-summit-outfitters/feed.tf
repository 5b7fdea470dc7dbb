# How the marketplace reads its feed: a role that its own account assumes, for this table alone. It asks when it wants to
# know, so no call of ours waits for it, and none is repeated.
data "aws_iam_policy_document" "marketplace" {
  statement {
    sid     = "TheMarketplace"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [for reader in var.reader[*] : "arn:aws:iam::${reader.account_id}:root"]
    }

    # Whoever serves many shops from one account proves by it that this is the shop it means.
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [for reader in var.reader[*] : reader.external_id]
    }
  }
}

data "aws_iam_policy_document" "read_levels" {
  # The whole table is the feed, so a scan reads nothing that is not meant for the reader.
  statement {
    sid       = "ReadLevels"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Scan"]
    resources = [module.table.arn]
  }

  statement {
    sid       = "UseTheDataKey"
    actions   = ["kms:Decrypt"]
    resources = [local.platform.keys.data]
  }
}

resource "aws_iam_role" "marketplace" {
  for_each = var.reader == null ? {} : { marketplace = var.reader }

  name                 = "${local.platform.prefix}-feed-summit-outfitters-reader${local.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.marketplace.json
  permissions_boundary = local.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "marketplace" {
  for_each = aws_iam_role.marketplace

  name   = "read-levels"
  role   = each.value.id
  policy = data.aws_iam_policy_document.read_levels.json
}
