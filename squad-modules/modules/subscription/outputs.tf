output "queue" {
  description = "The consumer's queue."
  value       = { arn = local.queue.arn, url = local.queue.url, dlq_arn = local.queue.dlq_arn }
}

output "visibility_timeout_seconds" {
  description = "How long a received message is hidden."
  value       = local.queue.visibility_timeout_seconds
}

output "alarms" {
  description = "The alarms of the queue that is made here, as module dashboard draws them."
  value       = merge([for queue in module.queue : queue.alarms]...)
}
