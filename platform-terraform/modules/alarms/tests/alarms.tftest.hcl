mock_provider "aws" {}

variables {
  platform = {
    account_id       = "111122223333"
    region           = "eu-central-1"
    prefix           = "test"
    alarm_topic_arn  = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    ticket_topic_arn = "arn:aws:sns:eu-central-1:111122223333:test-tickets"
    repository_url   = "https://example.com/lakeside/blob/main"
  }
  subject = "order-ingest"

  alarms = {
    behind = {
      severity    = "page"
      description = "The consumer is behind."
      objective   = "no message waits for more than 60 s"
      runbook     = "consumer-behind"
      graph       = "Age"
      threshold   = 60
      periods     = 3

      metrics = {
        age = { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", statistic = "Maximum", dimensions = { QueueName = "test-order-ingest" } }
      }
    }
    errors = {
      severity          = "ticket"
      description       = "It fails."
      objective         = "at most 5 % fail"
      runbook           = "function-fails"
      graph             = "Failures"
      threshold         = 5
      periods           = 3
      breaching_periods = 2
      expression        = "IF(invocations > 0, 100 * errors / invocations, 0)"

      metrics = {
        errors      = { namespace = "AWS/Lambda", name = "Errors", statistic = "Sum" }
        invocations = { namespace = "AWS/Lambda", name = "Invocations", statistic = "Sum" }
      }
    }
  }
}

run "an_alarm_says_what_is_wrong_what_is_promised_and_where_to_read_on" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.alarm["behind"].alarm_description == "The consumer is behind. Objective: no message waits for more than 60 s. Runbook: https://example.com/lakeside/blob/main/docs/runbooks/consumer-behind.md"
    error_message = "Whoever is woken must not have to search."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.alarm["behind"].alarm_name == "test-order-ingest-behind" && output.names.behind == "test-order-ingest-behind"
    error_message = "An alarm is called by the installation, what it watches, and what is wrong."
  }
}

run "pages_and_tickets_go_to_different_people" {
  command = plan

  assert {
    condition = alltrue([
      for key, topic in { behind = var.platform.alarm_topic_arn, errors = var.platform.ticket_topic_arn } :
      aws_cloudwatch_metric_alarm.alarm[key].alarm_actions == toset([topic])
      && aws_cloudwatch_metric_alarm.alarm[key].ok_actions == toset([topic])
    ])
    error_message = "Nobody is woken for what can wait, and whoever was told of it is told of its end."
  }

  assert {
    condition = {
      for key, alarm in aws_cloudwatch_metric_alarm.alarm : key => alarm.tags["lakeside:severity"]
    } == { behind = "page", errors = "ticket" }
    error_message = "Its severity must be there to be searched for."
  }
}

run "where_there_is_one_topic_everything_goes_there" {
  command = plan

  variables {
    platform = { account_id = "111122223333", region = "eu-central-1", prefix = "test", alarm_topic_arn = "arn:aws:sns:eu-central-1:111122223333:test-alarms" }
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.alarm_actions == toset([var.platform.alarm_topic_arn])
    ])
    error_message = "A ticket must reach somebody."
  }

  assert {
    condition     = endswith(aws_cloudwatch_metric_alarm.alarm["behind"].alarm_description, "Runbook: docs/runbooks/consumer-behind.md")
    error_message = "Without an address of the repository the file is named."
  }
}

run "one_metric_is_watched_as_it_is_and_several_through_an_expression" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.alarm["behind"].metric_name == "ApproximateAgeOfOldestMessage"
      && aws_cloudwatch_metric_alarm.alarm["behind"].statistic == "Maximum"
      && aws_cloudwatch_metric_alarm.alarm["behind"].dimensions == tomap({ QueueName = "test-order-ingest" })
      && aws_cloudwatch_metric_alarm.alarm["behind"].period == 60
      && length(aws_cloudwatch_metric_alarm.alarm["behind"].metric_query) == 0
    )
    error_message = "An expression of one metric would cost as much again."
  }

  assert {
    condition = (
      one([for query in aws_cloudwatch_metric_alarm.alarm["errors"].metric_query : query.expression if query.return_data == true]) == var.alarms.errors.expression
      && length(aws_cloudwatch_metric_alarm.alarm["errors"].metric_query) == 3
      && aws_cloudwatch_metric_alarm.alarm["errors"].datapoints_to_alarm == 2
    )
    error_message = "The expression alone is compared, of all the metrics in it."
  }
}

run "a_percentile_is_an_extended_statistic" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "99 of 100 within a second"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1000
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
      }
    }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.alarm["slow"].extended_statistic == "p99" && aws_cloudwatch_metric_alarm.alarm["slow"].statistic == null
    error_message = "CloudWatch takes percentiles by another name."
  }
}
