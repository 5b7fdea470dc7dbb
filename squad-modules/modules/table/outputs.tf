output "name" {
  description = "The table's name."
  value       = aws_dynamodb_table.table.name
}

output "arn" {
  description = "The table's ARN."
  value       = aws_dynamodb_table.table.arn
}

output "stream_arn" {
  description = "The ARN of its stream, if it has one."
  value       = aws_dynamodb_table.table.stream_arn
}

output "billing_mode" {
  description = "Whether it is paid by use or by capacity bought ahead, as DynamoDB calls it."
  value       = aws_dynamodb_table.table.billing_mode
}
