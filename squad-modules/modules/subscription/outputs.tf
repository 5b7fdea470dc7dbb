output "queue" {
  description = "The consumer's queue."
  value       = { arn = local.queue.arn, url = local.queue.url, dlq_arn = local.queue.dlq_arn }
}

output "visibility_timeout_seconds" {
  description = "How long a received message is hidden."
  value       = local.queue.visibility_timeout_seconds
}
