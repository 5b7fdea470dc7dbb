output "queue" {
  description = "The consumer's queue."
  value       = { arn = module.queue.arn, url = module.queue.url, dlq_arn = module.queue.dlq_arn }
}

output "visibility_timeout_seconds" {
  description = "How long a received message is hidden."
  value       = local.visibility_timeout_seconds
}
