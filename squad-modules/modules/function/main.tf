# One function: its first code behind the alias `live`, its own role, its log group, its alarms.
locals {
  full_name = "${var.platform.prefix}-${var.name}"
  artifact  = "${var.settings.artifacts_dir}/${coalesce(var.binary, var.name)}.zip"
  otlp      = var.settings.otlp == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.settings.otlp.endpoint }
}

resource "aws_cloudwatch_log_group" "logs" {
  name              = "/aws/lambda/${local.full_name}"
  retention_in_days = var.settings.log_retention_days
  kms_key_id        = var.platform.keys.logs
}

resource "aws_lambda_function" "function" {
  function_name    = local.full_name
  role             = aws_iam_role.function.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.settings.architecture]
  filename         = local.artifact
  source_code_hash = filebase64sha256(local.artifact)
  publish          = true
  timeout          = var.timeout_seconds
  memory_size      = var.memory_mb
  layers           = try(var.settings.otlp.layer_arns, [])
  kms_key_arn      = var.platform.keys.data

  environment {
    variables = merge(var.environment, { LOG_LEVEL = var.settings.log_level }, local.otlp)
  }

  logging_config {
    log_format = "Text" # The function writes JSON lines itself.
    log_group  = aws_cloudwatch_log_group.logs.name
  }

  tracing_config {
    mode = var.settings.tracing ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.in_network ? [var.platform.network] : []

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = [vpc_config.value.security_group_id]
    }
  }

  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    # Terraform makes the function with the package at hand; from then on a deployment brings its code.
    ignore_changes = [filename, source_code_hash]
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.function.function_name
  function_version = aws_lambda_function.function.version

  lifecycle {
    # A deployment shifts it, to new code as to a new configuration; Terraform only makes it.
    ignore_changes = [function_version, routing_config]
  }
}

# Kept warm, behind the alias, where somebody waits for the answer.
resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_function.function.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}
