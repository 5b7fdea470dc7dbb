# Alarms as data: what is watched, what is promised of it, who is told, and which runbook it leads to.
locals {
  topics = {
    page   = var.platform.alarm_topic_arn
    ticket = coalesce(var.platform.ticket_topic_arn, var.platform.alarm_topic_arn)
  }

  # Where the runbooks are read. Without an address of the repository, where they lie in it.
  runbook_dir = join("/", compact([var.platform.repository_url, "docs/runbooks"]))

  alarms = {
    for key, alarm in var.alarms : key => merge(alarm, {
      alarm_name = join("-", compact([var.platform.prefix, var.subject, key]))
      topic_arn  = local.topics[alarm.severity]
      text       = "${alarm.description} Objective: ${alarm.objective}. Runbook: ${local.runbook_dir}/${alarm.runbook}.md"
      # One metric needs no expression, and costs less without.
      only = alarm.expression == null ? one(values(alarm.metrics)) : null
    })
  }
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = local.alarms

  alarm_name          = each.value.alarm_name
  alarm_description   = each.value.text
  actions_enabled     = each.value.rings
  alarm_actions       = [each.value.topic_arn]
  ok_actions          = [each.value.topic_arn]
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.breaching_periods
  treat_missing_data  = each.value.missing
  tags                = { "lakeside:severity" = each.value.severity }

  namespace          = try(each.value.only.namespace, null)
  metric_name        = try(each.value.only.name, null)
  dimensions         = try(each.value.only.dimensions, null)
  period             = each.value.only == null ? null : each.value.period_seconds
  statistic          = try(startswith(each.value.only.statistic, "p") ? null : each.value.only.statistic, null)
  extended_statistic = try(startswith(each.value.only.statistic, "p") ? each.value.only.statistic : null, null)

  dynamic "metric_query" {
    for_each = each.value.expression[*]

    content {
      id          = "watched"
      expression  = metric_query.value
      label       = each.value.graph
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression == null ? {} : each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = each.value.period_seconds
      }
    }
  }
}
