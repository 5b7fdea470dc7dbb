# Where every alarm of the platform and the squads goes: what somebody is woken for, and what waits for the morning.
resource "aws_sns_topic" "alarms" {
  name              = "${var.prefix}-alarms"
  kms_master_key_id = aws_kms_key.class["messaging"].arn
}

resource "aws_sns_topic" "tickets" {
  name              = "${var.prefix}-tickets"
  kms_master_key_id = aws_kms_key.class["messaging"].arn
}

locals {
  # As module alarms takes it.
  alarm_topics = {
    account_id       = local.account_id
    region           = local.region
    prefix           = var.prefix
    alarm_topic_arn  = aws_sns_topic.alarms.arn
    ticket_topic_arn = aws_sns_topic.tickets.arn
    repository_url   = var.repository_url
  }

  door_failures = {
    namespace  = "AWS/ApiGateway"
    name       = "5XXError"
    statistic  = "Average" # Each call counts 0 or 1, so this is the share.
    dimensions = local.door
  }
}

module "alarms" {
  source = "../modules/alarms"

  platform = local.alarm_topics

  alarms = {
    # A storm in the morning is seen within two minutes,
    api-failures = {
      severity          = "page"
      description       = "The door answers with 5xx: orders are being turned away."
      objective         = "at most ${var.door_objectives.failures_percent} % of calls fail in 2 of 3 minutes"
      runbook           = "door-fails"
      graph             = "Calls at the door that fail, as a share"
      threshold         = var.door_objectives.failures_percent / 100
      periods           = 3
      breaching_periods = 2
      metrics           = { failures = local.door_failures }
    }

    # and the few of a night, which clients repeat, are looked at in the morning.
    api-failures-slow = {
      severity       = "ticket"
      description    = "The door answered with 5xx now and then."
      objective      = "at most ${var.door_objectives.failures_percent_hour} % of calls fail in an hour"
      runbook        = "door-fails"
      graph          = "Calls at the door that fail, as a share"
      threshold      = var.door_objectives.failures_percent_hour / 100
      period_seconds = 3600
      metrics        = { failures = local.door_failures }
    }

    api-slow = {
      severity          = "page"
      description       = "The door answers slowly."
      objective         = "99 of 100 calls are answered within ${var.door_objectives.p99_milliseconds} ms"
      runbook           = "door-fails"
      graph             = "Latency of the door in ms"
      threshold         = var.door_objectives.p99_milliseconds
      periods           = 5
      breaching_periods = 3

      metrics = {
        latency = { namespace = "AWS/ApiGateway", name = "Latency", statistic = "p99", dimensions = local.door }
      }
    }

    # Of the whole account and Region: what runs out of it is throttled everywhere at once.
    concurrency = {
      severity    = "page"
      description = "Functions use up what the account may run at the same time."
      objective   = "at most 80 % of ${var.account_concurrency} are used"
      runbook     = "throttled"
      graph       = "Concurrency of the account"
      threshold   = floor(0.8 * var.account_concurrency)
      periods     = 3

      metrics = {
        claimed = { namespace = "AWS/Lambda", name = "ClaimedAccountConcurrency", statistic = "Maximum" }
      }
    }

    directory-throttled = {
      severity          = "ticket"
      description       = "The directory refuses reads or writes."
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
          dimensions            = { TableName = local.directory }
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.door_failures
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["api-failures"]
}
