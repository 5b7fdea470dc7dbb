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
