# What the platform itself does: the door, the buses and their archives, and every queue of the installation. Queues are found
# by their names, so that those of a new consumer appear by themselves.
locals {
  # A search compares words, and a hyphen ends one.
  queue_words = join(" ", [for word in split("-", var.prefix) : "QueueName=${word}"])

  door = { ApiName = aws_api_gateway_rest_api.door.name, Stage = aws_api_gateway_stage.live.stage_name }

  # EventBridge archives by a rule of its own on the bus.
  archive_rules = { for domain, archive in aws_cloudwatch_event_archive.domain : domain => "Events-Archive-${archive.name}" }

  dashboard_rows = [
    {
      title = "Door: requests"
      stat  = "Sum"
      metrics = [
        for metric, label in { Count = "requests", "4XXError" = "refused (4xx)", "5XXError" = "failed (5xx)" } :
        ["AWS/ApiGateway", metric, "ApiName", local.door.ApiName, "Stage", local.door.Stage, { label = label }]
      ]
    },
    {
      title = "Door: latency in ms"
      stat  = "p99"
      metrics = [
        for stat in ["p50", "p99"] :
        ["AWS/ApiGateway", "Latency", "ApiName", local.door.ApiName, "Stage", local.door.Stage, { stat = stat, label = stat }]
      ]
    },
    {
      title = "Buses: events that somebody hears"
      stat  = "Sum"
      metrics = [
        for domain, bus in aws_cloudwatch_event_bus.domain :
        ["AWS/Events", "MatchedEvents", "EventBusName", bus.name, { label = domain }]
      ]
    },
    {
      title = "Archives: events kept"
      stat  = "Sum"
      metrics = [
        for domain, bus in aws_cloudwatch_event_bus.domain :
        ["AWS/Events", "Invocations", "EventBusName", bus.name, "RuleName", local.archive_rules[domain], { label = domain }]
      ]
    },
    {
      title = "Rules: deliveries that failed for good"
      stat  = "Sum"
      metrics = [
        for domain, bus in aws_cloudwatch_event_bus.domain :
        [{ expression = "SEARCH('{AWS/Events,EventBusName,RuleName} MetricName=\"FailedInvocations\" EventBusName=\"${bus.name}\"', 'Sum', 60)", label = domain }]
      ]
    },
    {
      title = "Rules: events in dead-letter queues of targets"
      stat  = "Sum"
      metrics = [
        for domain, bus in aws_cloudwatch_event_bus.domain :
        [{ expression = "SEARCH('{AWS/Events,EventBusName,RuleName} MetricName=\"InvocationsSentToDlq\" EventBusName=\"${bus.name}\"', 'Sum', 60)", label = domain }]
      ]
    },
    {
      title = "Queues: messages that wait"
      stat  = "Maximum"
      metrics = [
        [{ expression = "SEARCH('{AWS/SQS,QueueName} MetricName=\"ApproximateNumberOfMessagesVisible\" ${local.queue_words} NOT QueueName=dlq', 'Maximum', 60)", label = "" }],
      ]
    },
    {
      title = "Queues: age of the oldest message in s"
      stat  = "Maximum"
      metrics = [
        [{ expression = "SEARCH('{AWS/SQS,QueueName} MetricName=\"ApproximateAgeOfOldestMessage\" ${local.queue_words} NOT QueueName=dlq', 'Maximum', 60)", label = "" }],
      ]
    },
    {
      title = "Dead letters"
      stat  = "Maximum"
      metrics = [
        [{ expression = "SEARCH('{AWS/SQS,QueueName} MetricName=\"ApproximateNumberOfMessagesVisible\" ${local.queue_words} QueueName=dlq', 'Maximum', 60)", label = "" }],
      ]
    },
  ]
}

# Two graphs in a row, each half as wide as the page.
resource "aws_cloudwatch_dashboard" "platform" {
  dashboard_name = "${var.prefix}-platform"

  dashboard_body = jsonencode({
    widgets = [
      for number, row in local.dashboard_rows : {
        type   = "metric"
        x      = 12 * (number % 2)
        y      = 6 * floor(number / 2)
        width  = 12
        height = 6

        properties = {
          title   = row.title
          region  = local.region
          view    = "timeSeries"
          stat    = row.stat
          period  = 60
          metrics = row.metrics
        }
      }
    ]
  })
}
