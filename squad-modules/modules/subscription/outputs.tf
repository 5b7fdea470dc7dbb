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

output "operations" {
  description = "What module operations has to know of it."
  value = {
    holds           = "messages"
    url             = local.queue.url
    dead_letter_url = local.queue.dlq_url
    function        = "${var.platform.prefix}-${var.function.name}"
  }
}
