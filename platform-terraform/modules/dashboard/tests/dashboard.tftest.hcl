mock_provider "aws" {}

variables {
  name   = "test-orders"
  region = "eu-central-1"

  alarms = {
    test-order-ingest-behind = {
      arn       = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-order-ingest-behind"
      graph     = "Age"
      objective = "no message waits for more than 60 s"
      metrics = {
        age = { namespace = "AWS/SQS", name = "Age", statistic = "Maximum", dimensions = { QueueName = "test-order-ingest" } }
      }
      expression     = null
      threshold      = 60
      period_seconds = 60
    }
    test-order-status-behind = {
      arn       = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-order-status-behind"
      graph     = "Age"
      objective = "no message waits for more than 300 s"
      metrics = {
        age = { namespace = "AWS/SQS", name = "Age", statistic = "Maximum", dimensions = { QueueName = "test-order-status" } }
      }
      expression     = null
      threshold      = 300
      period_seconds = 60
    }
    test-order-ingest-errors = {
      arn       = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-order-ingest-errors"
      graph     = "Failures"
      objective = "at most 5 % fail"
      metrics = {
        errors      = { namespace = "AWS/Lambda", name = "Errors", statistic = "Sum", dimensions = { FunctionName = "test-order-ingest" } }
        invocations = { namespace = "AWS/Lambda", name = "Invocations", statistic = "Sum", dimensions = { FunctionName = "test-order-ingest" } }
      }
      expression     = "IF(invocations > 0, 100 * errors / invocations, 0)"
      threshold      = 5
      period_seconds = 60
    }
  }

  graphs = [
    { title = "Orders", lines = [{ label = "accepted", expression = "SUM(SEARCH('OrdersAccepted', 'Sum', 300))" }] },
    { title = "Time", lines = [{ label = "p99", namespace = "Lakeside", name = "FulfilmentTime", statistic = "p99", dimensions = { Function = "test-advance-order" } }] },
  ]
}

run "every_alarm_is_seen_with_its_state" {
  command = plan

  assert {
    condition     = toset(flatten([for widget in jsondecode(output.body).widgets : try(widget.properties.alarms, [])])) == toset([for alarm in var.alarms : alarm.arn])
    error_message = "No alarm may be left out."
  }
}

run "alarms_of_one_kind_share_a_graph_with_what_each_promises" {
  command = plan

  assert {
    condition = one([
      for widget in jsondecode(output.body).widgets : jsonencode(widget.properties.metrics) if widget.properties.title == "Age"
      ]) == jsonencode([
      ["AWS/SQS", "Age", "QueueName", "test-order-ingest", { label = "test-order-ingest-behind", period = 60, stat = "Maximum" }],
      ["AWS/SQS", "Age", "QueueName", "test-order-status", { label = "test-order-status-behind", period = 60, stat = "Maximum" }],
    ])
    error_message = "Each alarm's metric must be a line."
  }

  assert {
    condition = toset(flatten([
      for widget in jsondecode(output.body).widgets : widget.properties.annotations.horizontal[*].value if widget.properties.title == "Age"
    ])) == toset([60, 300])
    error_message = "What is promised must be seen beside what is."
  }
}

run "an_expression_is_drawn_and_what_it_is_made_of_is_not" {
  command = plan

  assert {
    condition = one([
      for widget in jsondecode(output.body).widgets : jsonencode(widget.properties.metrics) if widget.properties.title == "Failures"
      ]) == jsonencode([
      ["AWS/Lambda", "Errors", "FunctionName", "test-order-ingest", { id = "a0_errors", period = 60, stat = "Sum", visible = false }],
      ["AWS/Lambda", "Invocations", "FunctionName", "test-order-ingest", { id = "a0_invocations", period = 60, stat = "Sum", visible = false }],
      [{ expression = "IF(a0_invocations > 0, 100 * a0_errors / a0_invocations, 0)", label = "test-order-ingest-errors", period = 60 }],
    ])
    error_message = "Ids are one graph's: those of two alarms must not meet."
  }
}

run "its_own_graphs_come_first_and_none_covers_another" {
  command = plan

  assert {
    condition = [for widget in jsondecode(output.body).widgets : widget.properties.title] == [
      "Alarms", "Orders", "Time", "Age", "Failures",
    ]
    error_message = "What the dashboard is for must be on top."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(output.body).widgets : "${widget.x} ${widget.y}"])) == length(jsondecode(output.body).widgets)
    error_message = "Each graph has a place of its own."
  }
}

run "rejects_a_line_that_is_nothing" {
  command = plan

  variables {
    graphs = [{ title = "Orders", lines = [{ label = "accepted" }] }]
  }

  expect_failures = [var.graphs]
}

run "rejects_a_graph_without_a_line" {
  command = plan

  variables {
    graphs = [{ title = "Orders", lines = [] }]
  }

  expect_failures = [var.graphs]
}
