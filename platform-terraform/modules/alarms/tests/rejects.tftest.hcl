mock_provider "aws" {}

variables {
  platform = { account_id = "111122223333", region = "eu-central-1", prefix = "test", alarm_topic_arn = "arn:aws:sns:eu-central-1:111122223333:test-alarms" }
}

run "rejects_an_alarm_that_is_for_nobody" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "info"
        description = "It is slow."
        objective   = "fast"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_an_alarm_without_a_runbook" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "fast"
        runbook     = ""
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_a_runbook_by_its_path" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "fast"
        runbook     = "docs/runbooks/door-fails.md"
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_an_alarm_that_does_not_say_what_is_wrong" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "slow"
        objective   = "fast"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_an_alarm_that_promises_nothing" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = ""
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_two_metrics_without_an_expression" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "fast"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics = {
          a = { namespace = "AWS/Lambda", name = "Errors", statistic = "Sum" }
          b = { namespace = "AWS/Lambda", name = "Invocations", statistic = "Sum" }
        }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_a_metric_that_the_expression_does_not_use" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "fast"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
        expression  = "1 + 1"
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_a_statistic_that_there_is_not" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "fast"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "Median" } }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_more_breaches_than_periods" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity          = "page"
        description       = "It is slow."
        objective         = "fast"
        runbook           = "door-fails"
        graph             = "Latency"
        threshold         = 1
        metrics           = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
        breaching_periods = 2
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_looking_back_further_than_cloudwatch_does" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity       = "page"
        description    = "It is slow."
        objective      = "fast"
        runbook        = "door-fails"
        graph          = "Latency"
        threshold      = 1
        metrics        = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
        period_seconds = 1800
        periods        = 49
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_an_alarm_that_keeps_its_state_in_silence" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "fast"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99" } }
        missing     = "ignore"
      }
    }
  }

  expect_failures = [var.alarms]
}

run "rejects_a_metric_of_dynamodb_that_is_not_filled_in" {
  command = plan

  variables {
    alarms = {
      slow = {
        severity    = "page"
        description = "It is slow."
        objective   = "fast"
        runbook     = "door-fails"
        graph       = "Latency"
        threshold   = 1
        metrics     = { refused = { namespace = "AWS/DynamoDB", name = "ReadThrottleEvents", statistic = "Sum" } }
      }
    }
  }

  expect_failures = [var.alarms]
}
