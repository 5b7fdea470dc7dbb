# What DynamoDB refused, of the table and of each index. It counts refusals only, and an alarm on a metric of its that is
# missing keeps its state, so what is missing is filled in.
locals {
  throttled = merge(
    { throttled = { what = local.full_name, dimensions = { TableName = local.full_name } } },
    {
      for index in keys(var.indexes) : "${index}-throttled" => {
        what       = "The index ${index} of ${local.full_name}"
        dimensions = { TableName = local.full_name, GlobalSecondaryIndexName = index }
      }
    },
  )
}

module "alarms" {
  source = "../../../platform-terraform/modules/alarms"

  platform = var.platform
  subject  = "table-${var.name}"

  alarms = {
    for key, part in local.throttled : key => {
      severity          = "ticket" # Whoever was refused tries again, and is behind if that does not help.
      description       = "${part.what} refuses reads or writes."
      objective         = "no read or write is refused for longer than a moment"
      runbook           = "throttled"
      graph             = "Reads and writes that tables refuse"
      expression        = "FILL(reads, 0) + FILL(writes, 0)"
      threshold         = 0
      periods           = 5
      breaching_periods = 3

      metrics = {
        for id, name in { reads = "ReadThrottleEvents", writes = "WriteThrottleEvents" } : id => {
          namespace             = "AWS/DynamoDB"
          name                  = name
          statistic             = "Sum"
          dimensions            = part.dimensions
        }
      }
    }
  }
}
