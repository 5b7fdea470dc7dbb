# What other squads may rely on.
locals {
  contract = {
    adjust_stock = {
      queue_name = "${local.platform.prefix}-${module.function["adjust_stock"].name}"
      queue_arn  = module.subscription["adjust_stock"].queue.arn
      queue_url  = module.subscription["adjust_stock"].queue.url
    }
    reserve_stock = {
      queue_arn = module.subscription["reserve_stock"].queue.arn
      queue_url = module.subscription["reserve_stock"].queue.url
    }
    functions = {
      allocate      = module.function["allocate"].alias_arn
      release_stock = module.function["release_stock"].alias_arn
    }
    reservation_hold_seconds = var.reservation_hold_seconds
  }
}

resource "aws_ssm_parameter" "contract" {
  name        = "/${var.prefix}/inventory/v1"
  description = "What inventory offers to the other squads."
  type        = "String"
  value       = jsonencode(local.contract)
}
