# What the platform itself does: the door, the buses and their archives, and every queue of the installation; and what the
# business sees, from what the functions count (docs/metrics.md). Queues are found
# by their names, so that those of a new consumer appear by themselves.
locals {
  # A search compares words, and a hyphen ends one.
  queue_words    = join(" ", [for word in split("-", var.prefix) : "QueueName=${word}"])
  function_words = join(" ", [for word in split("-", var.prefix) : "Function=${word}"])

  queues = {
    for what, search in {
      waiting = { name = "ApproximateNumberOfMessagesVisible", which = "NOT QueueName=dlq" }
      age     = { name = "ApproximateAgeOfOldestMessage", which = "NOT QueueName=dlq" }
      dead    = { name = "ApproximateNumberOfMessagesVisible", which = "QueueName=dlq" }
    } : what => "SEARCH('{AWS/SQS,QueueName} MetricName=\"${search.name}\" ${local.queue_words} ${search.which}', 'Maximum', 60)"
  }

  door = { ApiName = aws_api_gateway_rest_api.door.name, Stage = aws_api_gateway_stage.live.stage_name }

  # EventBridge archives by a rule of its own on the bus.
  archive_rules = { for domain, archive in aws_cloudwatch_event_archive.domain : domain => "Events-Archive-${archive.name}" }

  platform_graphs = [
    {
      title = "Door: requests"
      lines = [
        for metric, label in { Count = "requests", "4XXError" = "refused (4xx)", "5XXError" = "failed (5xx)" } :
        { namespace = "AWS/ApiGateway", name = metric, dimensions = local.door, label = label }
      ]
    },
    {
      title = "Door: latency in ms"
      lines = [
        for stat in ["p50", "p99"] :
        { namespace = "AWS/ApiGateway", name = "Latency", dimensions = local.door, statistic = stat, label = stat }
      ]
    },
    {
      title = "Buses: events that somebody hears"
      lines = [
        for domain, bus in aws_cloudwatch_event_bus.domain :
        { namespace = "AWS/Events", name = "MatchedEvents", dimensions = { EventBusName = bus.name }, label = domain }
      ]
    },
    {
      title = "Archives: events kept"
      lines = [
        for domain, bus in aws_cloudwatch_event_bus.domain : {
          namespace  = "AWS/Events"
          name       = "Invocations"
          dimensions = { EventBusName = bus.name, RuleName = local.archive_rules[domain] }
          label      = domain
        }
      ]
    },
    {
      title = "Rules: deliveries that failed for good"
      lines = [
        for domain, bus in aws_cloudwatch_event_bus.domain :
        { expression = "SEARCH('{AWS/Events,EventBusName,RuleName} MetricName=\"FailedInvocations\" EventBusName=\"${bus.name}\"', 'Sum', 60)", label = domain }
      ]
    },
    {
      title = "Rules: events in dead-letter queues of targets"
      lines = [
        for domain, bus in aws_cloudwatch_event_bus.domain :
        { expression = "SEARCH('{AWS/Events,EventBusName,RuleName} MetricName=\"InvocationsSentToDlq\" EventBusName=\"${bus.name}\"', 'Sum', 60)", label = domain }
      ]
    },
    {
      title     = "Queues: messages that wait"
      statistic = "Maximum"
      lines     = [{ expression = local.queues.waiting, label = "" }]
    },
    {
      title     = "Queues: age of the oldest message in s"
      statistic = "Maximum"
      lines     = [{ expression = local.queues.age, label = "" }]
    },
    {
      title     = "Dead letters"
      statistic = "Maximum"
      lines     = [{ expression = local.queues.dead, label = "" }]
    },
  ]

  # What the functions count, by the name of the metric, of all functions of the installation that count it.
  counted = {
    for name in [
      "CancellationsRequested", "Compensations", "ListingsRefused", "MessagesParked", "MessagesRetried", "OrdersAccepted",
      "OrdersCancelled", "OrdersFulfilled", "OrdersRejected", "PaymentsCaptured", "PaymentsDeclined", "Redeliveries",
      "ReservationsFailed", "ReservationsMade", "SagasParked",
    ] : name => "SUM(SEARCH('{Lakeside,Function} MetricName=\"${name}\" ${local.function_words}', 'Sum', 300))"
  }

  # What takes time, by the name of the metric, and the function that measures it.
  timed = { FulfilmentTime = "advance-order", IngestionLag = "order-ingest", PaymentLatency = "capture-payment" }

  business_graphs = concat(
    [
      for title, lines in {
        "1. Orders" = {
          accepted = "OrdersAccepted", rejected = "OrdersRejected", fulfilled = "OrdersFulfilled", cancelled = "OrdersCancelled"
        }
        "2. Reservations"        = { made = "ReservationsMade", failed = "ReservationsFailed" }
        "3. Payments"            = { captured = "PaymentsCaptured", declined = "PaymentsDeclined" }
        "4. What is undone"      = { compensations = "Compensations", "cancellations wanted" = "CancellationsRequested", "sagas parked" = "SagasParked" }
        "5. What is tried again" = { retried = "MessagesRetried", "delivered again" = "Redeliveries", parked = "MessagesParked" }
        } : {
        title = title
        lines = [for label, name in lines : { label = label, expression = local.counted[name] }]
      }
    ],
    [
      for title, name in {
        "6. From the door to the decision in ms" = "IngestionLag"
        "7. Answers of the processor in ms"      = "PaymentLatency"
        "8. From accepted to fulfilled in ms"    = "FulfilmentTime"
        } : {
        title = title
        lines = [
          for stat in ["p50", "p90", "p99"] : {
            namespace  = "Lakeside"
            name       = name
            dimensions = { Function = "${var.prefix}-${local.timed[name]}" }
            statistic  = stat
            label      = stat
          }
        ]
      }
    ],
    [
      {
        title     = "9. Age of the oldest message in s"
        statistic = "Maximum"
        lines     = [{ expression = local.queues.age, label = "" }]
      },
    ],
  )

  dashboards = {
    platform = {
      graphs = local.platform_graphs
      alarms = merge(
        module.alarms.alarms,
        [for alarms in module.replication_alarms : alarms.alarms]...
      )
    }
    business = { graphs = local.business_graphs, alarms = {} }
  }
}

module "dashboard" {
  source   = "../modules/dashboard"
  for_each = { for name, dashboard in local.dashboards : name => dashboard if var.dashboards }

  name   = "${var.prefix}-${each.key}"
  region = local.region
  alarms = each.value.alarms
  graphs = each.value.graphs
}

moved {
  from = aws_cloudwatch_dashboard.platform
  to   = module.dashboard["platform"].aws_cloudwatch_dashboard.dashboard
}
