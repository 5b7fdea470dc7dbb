output "failures_arn" {
  description = "Where what was given up is parked."
  value       = aws_sqs_queue.failures.arn
}

output "alarms" {
  description = "Its alarms, as module dashboard draws them."
  value       = module.alarms.alarms
}

output "operations" {
  description = "What module operations has to know of what was given up."
  value = {
    holds           = "positions"
    url             = null
    dead_letter_url = aws_sqs_queue.failures.url
    function        = local.name
  }
}
