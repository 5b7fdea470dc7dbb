output "arn" {
  description = "The schedule's ARN."
  value       = aws_scheduler_schedule.schedule.arn
}

output "dlq_arn" {
  description = "The ARN of the queue of missed runs."
  value       = aws_sqs_queue.missed.arn
}

output "alarms" {
  description = "Its alarms, as module dashboard draws them."
  value       = module.alarms.alarms
}

output "operations" {
  description = "What module operations has to know of missed runs."
  value = {
    holds           = "runs"
    url             = null
    dead_letter_url = aws_sqs_queue.missed.url
    function        = local.full_name
  }
}
