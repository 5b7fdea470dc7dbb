output "name" {
  description = "The queue's name in full."
  value       = aws_sqs_queue.queue.name
}

output "arn" {
  description = "The queue's ARN."
  value       = aws_sqs_queue.queue.arn
}

output "url" {
  description = "The queue's URL."
  value       = aws_sqs_queue.queue.url
}

output "dlq_arn" {
  description = "The dead-letter queue's ARN."
  value       = aws_sqs_queue.dlq.arn
}

output "dlq_url" {
  description = "The dead-letter queue's URL."
  value       = aws_sqs_queue.dlq.url
}

output "visibility_timeout_seconds" {
  description = "How long a received message is hidden."
  value       = var.visibility_timeout_seconds
}

output "alarms" {
  description = "Its alarms, as module dashboard draws them."
  value       = module.alarms.alarms
}
