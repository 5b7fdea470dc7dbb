# What a month may cost: told when it is going to be exceeded, and when most of it is spent.
locals {
  budgets = merge(
    { account = { amount = var.budgets.account, filter = null } },
    {
      for squad, amount in var.budgets.squads :
      squad => { amount = amount, filter = format("user:lakeside:squad$%s", squad) }
    },
  )
}

resource "aws_budgets_budget" "month" {
  for_each = { for name, budget in local.budgets : name => budget if var.in_force.budgets }

  name         = "${var.prefix}-${var.environment}-${each.key}"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = format("%.1f", each.value.amount)

  dynamic "cost_filter" {
    for_each = each.value.filter == null ? [] : [each.value.filter]

    content {
      name   = "TagKeyValue"
      values = [cost_filter.value]
    }
  }

  notification {
    comparison_operator        = "GREATER_THAN"
    notification_type          = "ACTUAL"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budgets.tell
  }

  notification {
    comparison_operator        = "GREATER_THAN"
    notification_type          = "FORECASTED"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budgets.tell
  }

  lifecycle {
    precondition {
      condition     = each.key == "account" || each.key == "platform" || contains(keys(local.squads), each.key)
      error_message = "A budget is for a squad that there is: the tag of another would count nothing."
    }
  }
}
