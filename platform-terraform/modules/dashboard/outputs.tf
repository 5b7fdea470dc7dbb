output "body" {
  description = "What CloudWatch is told to draw, as JSON."
  value       = aws_cloudwatch_dashboard.dashboard.dashboard_body
}
