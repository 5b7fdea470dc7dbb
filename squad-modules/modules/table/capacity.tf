# Capacity that is bought ahead and scaled, for tables whose load is steady enough to make that cheaper than paying by use.
#
# Auto-scaling changes what Terraform has set, and would be set back by every apply. Ignoring changes would be for good and
# for whole indexes, so the plan takes what there is: the present capacity, within the bounds.
locals {
  full_name = "${var.platform.prefix}-${var.name}"
  scaled    = var.capacity == null ? {} : { (local.full_name) = var.capacity }
  kinds     = { read = "Read", write = "Write" }

  # What is scaled, as auto-scaling calls it: the table, and each of its indexes.
  scaled_parts = merge([
    for name in keys(local.scaled) : merge(
      { table = { resource = "table/${name}", kind = "table" } },
      { for index in keys(var.indexes) : "index-${index}" => { resource = "table/${name}/index/${index}", kind = "index" } },
    )
  ]...)

  scalable = merge([
    for part, scaled in local.scaled_parts : {
      for kind, name in local.kinds : "${part}-${kind}" => merge(scaled, {
        bounds    = var.capacity[kind]
        dimension = "dynamodb:${scaled.kind}:${name}CapacityUnits"
        metric    = "DynamoDB${name}CapacityUtilization"
      })
    }
  ]...)

  # Nothing where there is no such table yet.
  present = one([
    for table in data.aws_dynamodb_table.present : {
      table   = { read = table.read_capacity, write = table.write_capacity }
      indexes = { for index in table.global_secondary_index : index.name => { read = index.read_capacity, write = index.write_capacity } }
    }
  ])

  # A table that is new begins at the least; one that was paid by use, at the most, for its load is not known.
  table_capacity = {
    for kind in keys(local.kinds) : kind => var.capacity == null ? null : (
      local.present == null ? var.capacity[kind].min
      : local.present.table[kind] == 0 ? var.capacity[kind].max
      : min(max(local.present.table[kind], var.capacity[kind].min), var.capacity[kind].max)
    )
  }
  index_capacity = {
    for index in keys(var.indexes) : index => {
      for kind in keys(local.kinds) : kind => var.capacity == null ? null : (
        local.present == null ? var.capacity[kind].min
        : try(local.present.indexes[index][kind], 0) == 0 ? var.capacity[kind].max
        : min(max(local.present.indexes[index][kind], var.capacity[kind].min), var.capacity[kind].max)
      )
    }
  }
}

data "aws_dynamodb_tables" "all" {
  for_each = local.scaled
}

data "aws_dynamodb_table" "present" {
  for_each = toset([for name in keys(local.scaled) : name if contains(data.aws_dynamodb_tables.all[name].names, name)])

  name = each.key
}

resource "aws_appautoscaling_target" "capacity" {
  for_each = local.scalable

  service_namespace  = "dynamodb"
  resource_id        = each.value.resource
  scalable_dimension = each.value.dimension
  min_capacity       = each.value.bounds.min
  max_capacity       = each.value.bounds.max

  depends_on = [aws_dynamodb_table.table]
}

resource "aws_appautoscaling_policy" "capacity" {
  for_each = local.scalable

  name               = "${local.full_name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.capacity[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.capacity[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.capacity[each.key].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = var.capacity.target_utilization

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
    }
  }
}
