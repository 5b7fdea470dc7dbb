output "alarms" {
  description = "The alarms by their whole names, each with its ARN and what it was told, as module dashboard draws them."
  value = {
    for key, alarm in local.alarms : alarm.alarm_name => {
      # As AWS makes it of the name, so that a plan can show the dashboard.
      arn               = "arn:aws:cloudwatch:${var.platform.region}:${var.platform.account_id}:alarm:${alarm.alarm_name}"
      topic_arn         = alarm.topic_arn
      severity          = alarm.severity
      objective         = alarm.objective
      runbook           = alarm.runbook
      graph             = alarm.graph
      metrics           = alarm.metrics
      expression        = alarm.expression
      threshold         = alarm.threshold
      comparison        = alarm.comparison
      period_seconds    = alarm.period_seconds
      periods           = alarm.periods
      breaching_periods = alarm.breaching_periods
      missing           = alarm.missing
      rings             = alarm.rings
    }
  }
}

output "names" {
  description = "The alarms' whole names, by their keys."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.alarm : key => alarm.alarm_name }
}
