module "alarms" {
  source = "../../../platform-terraform/modules/alarms"

  platform = var.platform
  subject  = var.function.name

  alarms = {
    dead-letters = {
      severity    = "ticket" # A run that is late is as good as the next one.
      description = "${local.full_name} could not be invoked in time, as ${aws_sqs_queue.missed.name} says."
      objective   = "no run is missed"
      runbook     = "dead-letter-queue"
      graph       = "Dead letters"
      threshold   = 0

      metrics = {
        runs = {
          namespace  = "AWS/SQS"
          name       = "ApproximateNumberOfMessagesVisible"
          statistic  = "Maximum"
          dimensions = { QueueName = aws_sqs_queue.missed.name }
        }
      }
    }

    # What is switched off misses no run, and what it would have found is found by nobody.
    silent = {
      severity       = "page"
      description    = "The clock has not invoked ${local.full_name}."
      objective      = "it runs in every ${var.silence_seconds} s"
      runbook        = "function-fails"
      graph          = "Runs by the clock"
      comparison     = "LessThanThreshold"
      threshold      = 1
      period_seconds = var.silence_seconds
      missing        = "breaching"
      rings          = var.platform.regions.processing

      metrics = {
        runs = {
          namespace  = "AWS/Lambda"
          name       = "Invocations"
          statistic  = "Sum"
          dimensions = { FunctionName = local.full_name }
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.missed
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["dead-letters"]
}
