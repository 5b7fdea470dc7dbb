output "name" {
  description = "The table's name."
  value       = local.table.name
}

output "arn" {
  description = "The table's ARN."
  value       = local.table.arn
}

output "stream_arn" {
  description = "The ARN of its stream, if it has one."
  value       = local.table.stream_arn
}

output "billing_mode" {
  description = "Whether it is paid by use or by capacity bought ahead, as DynamoDB calls it."
  value       = local.table.billing_mode
}

output "alarms" {
  description = "Its alarms, as module dashboard draws them."
  value       = module.alarms.alarms
}
