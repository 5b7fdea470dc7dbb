# What of the platform operations may look at; each squad writes down its own, in the same form.
locals {
  operations = {
    functions = {}
    queues = merge(
      { for peer, queue in aws_sqs_queue.forward_dlq : "forward-events" => { holds = "events", url = null, dead_letter_url = queue.url, function = null } },
      { for name, queue in aws_sqs_queue.subscriber_dlq : "subscriber-${name}" => { holds = "events", url = null, dead_letter_url = queue.url, function = null } },
    )
    tables        = {}
    state_machine = null
    archives = {
      for domain, archive in aws_cloudwatch_event_archive.domain : domain => { name = archive.name, arn = archive.arn }
    }
    access_log_group = aws_cloudwatch_log_group.access.name
  }
}

resource "aws_ssm_parameter" "operations" {
  name        = "/${var.prefix}/operations/platform/v1"
  description = "What of the platform operations may look at."
  type        = "String"
  value       = jsonencode(local.operations)
}
