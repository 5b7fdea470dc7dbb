mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

mock_provider "aws" {
  source = "../testing"
}

variables {
  environment = "test"
  prefix      = "lakeside-north"
}

run "every_graph_shows_what_there_is" {
  # Each metric by name, as namespace, metric and dimensions.
  assert {
    condition = toset(flatten([
      for widget in jsondecode(module.dashboard["platform"].body).widgets : [
        for metric in widget.properties.metrics :
        join(" ", [for part in metric : part if can(tostring(part))]) if length(metric) > 1
      ] if contains([for graph in local.platform_graphs : graph.title], widget.properties.title)
      ])) == toset(concat(
      [
        for metric in ["Count", "4XXError", "5XXError", "Latency"] :
        "AWS/ApiGateway ${metric} ApiName ${aws_api_gateway_rest_api.door.name} Stage ${aws_api_gateway_stage.live.stage_name}"
      ],
      [for bus in aws_cloudwatch_event_bus.domain : "AWS/Events MatchedEvents EventBusName ${bus.name}"],
      [
        for archive in aws_cloudwatch_event_archive.domain :
        "AWS/Events Invocations EventBusName ${archive.name} RuleName Events-Archive-${archive.name}"
      ],
    ))
    error_message = "A graph must be of metrics that AWS has, and of nothing but what this root makes."
  }

  # An archive is called like its bus, or the names above would not be those of the buses.
  assert {
    condition = alltrue([
      for domain, archive in aws_cloudwatch_event_archive.domain : archive.name == aws_cloudwatch_event_bus.domain[domain].name
    ])
    error_message = "An archive must be called like its bus."
  }

  assert {
    condition = toset(flatten([
      for widget in jsondecode(module.dashboard["platform"].body).widgets : [
        for metric in widget.properties.metrics : metric[0].expression if length(metric) == 1
      ] if contains([for graph in local.platform_graphs : graph.title], widget.properties.title)
      ])) == toset(concat(
      flatten([
        for metric in ["FailedInvocations", "InvocationsSentToDlq"] : [
          for bus in aws_cloudwatch_event_bus.domain :
          "SEARCH('{AWS/Events,EventBusName,RuleName} MetricName=\"${metric}\" EventBusName=\"${bus.name}\"', 'Sum', 60)"
        ]
      ]),
      [
        for metric, which in {
          ApproximateNumberOfMessagesVisible = "NOT QueueName=dlq"
          ApproximateAgeOfOldestMessage      = "NOT QueueName=dlq"
        } : "SEARCH('{AWS/SQS,QueueName} MetricName=\"${metric}\" QueueName=lakeside QueueName=north ${which}', 'Maximum', 60)"
      ],
      ["SEARCH('{AWS/SQS,QueueName} MetricName=\"ApproximateNumberOfMessagesVisible\" QueueName=lakeside QueueName=north QueueName=dlq', 'Maximum', 60)"],
    ))
    error_message = "Rules must be found on our buses, and queues by the words of the installation's prefix."
  }
}

run "no_graph_covers_another" {
  command = plan

  assert {
    condition = length(distinct([
      for widget in jsondecode(module.dashboard["platform"].body).widgets : "${widget.x} ${widget.y}"
    ])) == length(jsondecode(module.dashboard["platform"].body).widgets)
    error_message = "Each graph has a place of its own."
  }
}

run "the_business_sees_what_becomes_of_orders_and_how_long_it_takes" {
  command = plan

  assert {
    condition = alltrue([
      for name in [
        "Compensations", "OrdersAccepted", "OrdersCancelled", "OrdersFulfilled", "OrdersRejected", "PaymentsDeclined",
        "ReservationsFailed", "SagasParked",
      ] :
      strcontains(module.dashboard["business"].body, "MetricName=\\\"${name}\\\" Function=lakeside Function=north")
    ])
    error_message = "What the functions of this installation count must be added up."
  }

  assert {
    condition = alltrue([
      for name, function in { FulfilmentTime = "advance-order", PaymentLatency = "capture-payment" } :
      strcontains(module.dashboard["business"].body, "\"${name}\",\"Function\",\"lakeside-north-${function}\"")
    ])
    error_message = "What takes time must be there as whoever measures it says."
  }
}

run "every_alarm_of_the_platform_is_seen" {
  command = plan

  assert {
    condition = length(setsubtract(
      [for alarm in values(module.alarms.alarms) : alarm.arn],
      flatten([for widget in jsondecode(module.dashboard["platform"].body).widgets : try(widget.properties.alarms, [])]),
    )) == 0
    error_message = "No alarm may be left out."
  }
}

run "without_dashboards_nothing_else_is_missing" {
  command = plan

  variables {
    dashboards = false
  }

  assert {
    condition     = length(module.dashboard) == 0
    error_message = "Whoever does not want to pay for dashboards has none."
  }

  assert {
    condition     = contains(keys(module.alarms.names), "api-failures")
    error_message = "Alarms ring without being drawn."
  }
}
