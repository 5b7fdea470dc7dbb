output "failures_arn" {
  description = "Where what was given up is parked."
  value       = aws_sqs_queue.failures.arn
}

output "alarms" {
  description = "Its alarms, as module dashboard draws them."
  value       = module.alarms.alarms
}
