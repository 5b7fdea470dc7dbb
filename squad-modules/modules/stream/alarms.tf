module "alarms" {
  source = "../../../platform-terraform/modules/alarms"

  platform = var.platform
  subject  = var.function.name

  alarms = {
    dead-letters = {
      severity    = "page"
      description = "${local.name} gave up on records of its stream, which is gone after 24 hours."
      objective   = "no record is given up"
      runbook     = var.runbook
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

    # A record that fails makes no function fail: it is tried again for hours, in silence but for this.
    behind = {
      severity    = "page"
      description = "Records wait in the stream for ${local.name}."
      objective   = "no record waits for more than ${var.oldest_record_seconds} s"
      runbook     = var.runbook
      graph       = "Age of records in streams in ms"
      threshold   = 1000 * var.oldest_record_seconds
      periods     = 3

      metrics = {
        age = {
          namespace  = "AWS/Lambda"
          name       = "IteratorAge"
          statistic  = "Maximum"
          dimensions = { FunctionName = local.name }
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
