locals {
  # A bus that refuses events makes no function fail: they are tried again for hours, in silence but for this.
  behind = {
    pipe = {
      description = "The pipe of ${var.squad} cannot publish events."
      objective   = "no run of the pipe fails for longer than a moment"
      graph       = "Runs of the pipe that failed"
      threshold   = 0
      namespace   = "AWS/EventBridge/Pipes"
      name        = "ExecutionFailed"
      dimensions  = { PipeName = local.pipe_name }
    }
    stream = {
      description = "Events of ${var.squad} wait in the stream and are not published."
      objective   = "no event waits for more than 60 s"
      graph       = "Age of records in streams in ms"
      threshold   = 60000
      namespace   = "AWS/Lambda"
      name        = "IteratorAge"
      dimensions  = { FunctionName = "${var.platform.prefix}-${local.name}" }
    }
  }
}

module "alarms" {
  source = "../../../platform-terraform/modules/alarms"

  platform = var.platform
  subject  = local.name

  alarms = {
    dead-letters = {
      severity    = "page"
      description = "Events of ${var.squad} did not reach the bus, and their stream is gone after 24 hours."
      objective   = "every event is published"
      runbook     = "outbox-stuck"
      graph       = "Dead letters"
      threshold   = 0

      metrics = {
        records = {
          namespace  = "AWS/SQS"
          name       = "ApproximateNumberOfMessagesVisible"
          statistic  = "Maximum"
          dimensions = { QueueName = aws_sqs_queue.failures.name }
        }
      }
    }

    behind = {
      severity    = "page"
      description = local.behind[var.transport].description
      objective   = local.behind[var.transport].objective
      runbook     = "outbox-stuck"
      graph       = local.behind[var.transport].graph
      threshold   = local.behind[var.transport].threshold
      periods     = 3

      metrics = {
        behind = {
          namespace  = local.behind[var.transport].namespace
          name       = local.behind[var.transport].name
          statistic  = "Maximum"
          dimensions = local.behind[var.transport].dimensions
        }
      }
    }

    # What the transport does not tell: how old an event is when the bus takes it.
    lag = {
      severity          = "ticket"
      description       = "Events of ${var.squad} are published late."
      objective         = "99 of 100 events are published within 10 s"
      runbook           = "outbox-stuck"
      graph             = "From write to bus in ms"
      threshold         = 10000
      periods           = 5
      breaching_periods = 3

      metrics = {
        lag = {
          namespace  = "Lakeside"
          name       = "OutboxLag"
          statistic  = "p99"
          dimensions = { Function = "${var.platform.prefix}-${local.name}" }
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.failures
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["dead-letters"]
}

moved {
  from = aws_cloudwatch_metric_alarm.behind
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["behind"]
}
