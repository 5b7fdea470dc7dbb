# What waits too long, and what was given up.
module "alarms" {
  source = "../../../platform-terraform/modules/alarms"

  platform = var.platform
  subject  = var.name

  alarms = {
    dead-letters = {
      severity    = "page"
      description = "Messages of ${local.full_name} were given up and lie in ${local.dlq_name}."
      objective   = "no message is given up"
      runbook     = var.runbooks.dead_letters
      graph       = "Dead letters"
      threshold   = 0

      metrics = {
        messages = {
          namespace  = "AWS/SQS"
          name       = "ApproximateNumberOfMessagesVisible"
          statistic  = "Maximum"
          dimensions = { QueueName = aws_sqs_queue.dlq.name }
        }
      }
    }

    behind = {
      severity    = "page"
      description = "The consumer of ${local.full_name} is behind."
      objective   = "no message waits for more than ${var.oldest_message_seconds} s"
      runbook     = var.runbooks.behind
      graph       = "Age of the oldest message in s"
      threshold   = var.oldest_message_seconds
      periods     = 3
      rings       = var.platform.regions.processing # What waits for another Region's end is not behind.

      metrics = {
        age = {
          namespace  = "AWS/SQS"
          name       = "ApproximateAgeOfOldestMessage"
          statistic  = "Maximum"
          dimensions = { QueueName = aws_sqs_queue.queue.name }
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.dead_letters
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["dead-letters"]
}

moved {
  from = aws_cloudwatch_metric_alarm.oldest_message
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["behind"]
}
