# What a squad's role can do at most, whatever it is granted.
locals {
  boundary_name = "${var.prefix}-squad-boundary"
  boundary_arn  = "arn:aws:iam::${local.account_id}:policy/${local.boundary_name}"

  boundary = jsonencode(jsondecode(templatefile("${path.module}/policies/squad-boundary.json", {
    account_id = local.account_id
    prefix     = var.prefix
    regions    = join("\", \"", var.regions)
  })))
}

resource "aws_iam_policy" "boundary" {
  name        = local.boundary_name
  description = "What a role of a squad can do at most."
  policy      = local.boundary

  lifecycle {
    precondition {
      condition     = length(local.boundary) <= 6144
      error_message = "IAM takes managed policies of up to 6144 characters: the boundary is longer."
    }
  }
}
