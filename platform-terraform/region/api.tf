# The single public door. It checks the token and the body, and puts orders on the queue of `order-ingest` without
# any function in between. The orders squad owns queue and function; the door knows them by their names.
locals {
  account_id       = data.aws_caller_identity.current.account_id
  region           = data.aws_region.current.name
  ingest_queue     = "${var.prefix}-order-ingest"
  ingest_queue_arn = "arn:aws:sqs:${local.region}:${local.account_id}:${local.ingest_queue}"
  query_alias_arn  = "arn:aws:lambda:${local.region}:${local.account_id}:function:${var.prefix}-order-query:live"

  # Form-encoded, so that nothing in a body or an order id can become another parameter.
  send_message = join("&", concat(["Action=SendMessage", "MessageBody=$util.urlEncode($input.body)"], local.message_attributes))
  message_attributes = [
    "MessageAttribute.1.Name=orderId",
    "MessageAttribute.1.Value.DataType=String",
    "MessageAttribute.1.Value.StringValue=$util.urlEncode($input.params('orderId'))",
    "MessageAttribute.2.Name=principal",
    "MessageAttribute.2.Value.DataType=String",
    "MessageAttribute.2.Value.StringValue=$util.urlEncode($context.authorizer.claims.sub)",
  ]
}

resource "aws_api_gateway_rest_api" "door" {
  name        = "${var.prefix}-api"
  description = "Orders of customers and partners, and what there is to order."

  # Which plan counts a partner's request is said by what has checked its credential, not by its client.
  api_key_source = "AUTHORIZER"

  # With a name of its own the door has no other: what stands before that name cannot be gone round.
  disable_execute_api_endpoint = var.domain != null

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_authorizer" "customers" {
  name                             = "customers"
  rest_api_id                      = aws_api_gateway_rest_api.door.id
  type                             = "COGNITO_USER_POOLS"
  provider_arns                    = concat([aws_cognito_user_pool.customers.arn], var.other_customer_pool_arns)
  authorizer_result_ttl_in_seconds = 300
}

resource "aws_api_gateway_request_validator" "body" {
  name                  = "body"
  rest_api_id           = aws_api_gateway_rest_api.door.id
  validate_request_body = true
}

resource "aws_api_gateway_model" "place_order" {
  name         = "PlaceOrder"
  rest_api_id  = aws_api_gateway_rest_api.door.id
  content_type = "application/json"
  schema       = file("${path.module}/../../contracts/api/place-order.model.json")
}

resource "aws_api_gateway_resource" "orders" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_rest_api.door.root_resource_id
  path_part   = "orders"
}

resource "aws_api_gateway_resource" "order" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_resource.orders.id
  path_part   = "{orderId}"
}

resource "aws_api_gateway_method" "place_order" {
  rest_api_id          = aws_api_gateway_rest_api.door.id
  resource_id          = aws_api_gateway_resource.order.id
  http_method          = "PUT"
  authorization        = "COGNITO_USER_POOLS"
  authorizer_id        = aws_api_gateway_authorizer.customers.id
  request_validator_id = aws_api_gateway_request_validator.body.id
  request_models       = { "application/json" = aws_api_gateway_model.place_order.name }
  request_parameters   = { "method.request.path.orderId" = true }
}

resource "aws_api_gateway_integration" "place_order" {
  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = aws_api_gateway_resource.order.id
  http_method             = aws_api_gateway_method.place_order.http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:sqs:path/${local.account_id}/${local.ingest_queue}"
  credentials             = aws_iam_role.door.arn
  passthrough_behavior    = "NEVER"
  request_parameters      = { "integration.request.header.Content-Type" = "'application/x-www-form-urlencoded'" }
  request_templates       = { "application/json" = local.send_message }
}

resource "aws_api_gateway_method_response" "accepted" {
  rest_api_id     = aws_api_gateway_rest_api.door.id
  resource_id     = aws_api_gateway_resource.order.id
  http_method     = aws_api_gateway_method.place_order.http_method
  status_code     = "202"
  response_models = { "application/json" = "Empty" }
}

resource "aws_api_gateway_method_response" "unavailable" {
  rest_api_id     = aws_api_gateway_rest_api.door.id
  resource_id     = aws_api_gateway_resource.order.id
  http_method     = aws_api_gateway_method.place_order.http_method
  status_code     = "503"
  response_models = { "application/json" = "Error" }
}

resource "aws_api_gateway_integration_response" "accepted" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  resource_id = aws_api_gateway_resource.order.id
  http_method = aws_api_gateway_method.place_order.http_method
  status_code = aws_api_gateway_method_response.accepted.status_code
  response_templates = {
    # URL-encoded, an id is the same if it is a UUID and stays inside its string if it is anything else.
    "application/json" = "{\"orderId\":\"$util.urlEncode($input.params('orderId'))\",\"status\":\"ACCEPTED\"}"
  }

  lifecycle {
    # A replaced integration loses its responses.
    replace_triggered_by = [aws_api_gateway_integration.place_order]
  }
}

# The default response above takes 200 alone; whatever else the queue says is our failure, not the client's.
resource "aws_api_gateway_integration_response" "unavailable" {
  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = aws_api_gateway_resource.order.id
  http_method        = aws_api_gateway_method.place_order.http_method
  status_code        = aws_api_gateway_method_response.unavailable.status_code
  selection_pattern  = "[45]\\d{2}"
  response_templates = { "application/json" = "{\"message\":\"try again\"}" }

  lifecycle {
    replace_triggered_by = [aws_api_gateway_integration.place_order]
  }
}

resource "aws_api_gateway_method" "read_order" {
  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = aws_api_gateway_resource.order.id
  http_method        = "GET"
  authorization      = "COGNITO_USER_POOLS"
  authorizer_id      = aws_api_gateway_authorizer.customers.id
  request_parameters = { "method.request.path.orderId" = true }
}

resource "aws_api_gateway_integration" "read_order" {
  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = aws_api_gateway_resource.order.id
  http_method             = aws_api_gateway_method.read_order.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.query_alias_arn}/invocations"
}

# Says what is wrong with a body to the one who sent it.
resource "aws_api_gateway_gateway_response" "bad_body" {
  rest_api_id        = aws_api_gateway_rest_api.door.id
  response_type      = "BAD_REQUEST_BODY"
  status_code        = "400"
  response_templates = { "application/json" = "{\"message\":$context.error.messageString,\"detail\":\"$util.escapeJavaScript($context.error.validationErrorString)\"}" }
}

resource "aws_api_gateway_deployment" "door" {
  rest_api_id = aws_api_gateway_rest_api.door.id

  # What callers can notice. Whole resources would also hold what AWS fills in, and deploy again for nothing.
  triggers = {
    definition = sha256(jsonencode([
      [for file in sort(fileset(path.module, "api*.tf")) : filesha256("${path.module}/${file}")],
      aws_api_gateway_authorizer.customers.provider_arns,
      aws_api_gateway_integration.cancel_order.uri,
      aws_api_gateway_integration.list_orders.uri,
      values(aws_api_gateway_integration.health)[*].uri,
      aws_api_gateway_integration.place_order.uri,
      aws_api_gateway_integration.read_order.uri,
      values(aws_api_gateway_integration.read_stock)[*].uri,
      jsondecode(aws_api_gateway_model.place_order.schema),
      aws_api_gateway_authorizer.partners.authorizer_uri,
      [for integration in aws_api_gateway_integration.partner_submission : integration.uri],
      aws_api_gateway_integration.read_partner_order.uri,
      [for model in aws_api_gateway_model.partner_submission : jsondecode(model.schema)],
    ]))
  }

  depends_on = [
    aws_api_gateway_gateway_response.bad_body,
    aws_api_gateway_integration_response.accepted,
    aws_api_gateway_integration.read_stock,
    aws_api_gateway_integration_response.health,
    aws_api_gateway_method.health,
    aws_api_gateway_integration_response.cancellation_accepted,
    aws_api_gateway_integration_response.cancellation_unavailable,
    aws_api_gateway_integration_response.unavailable,
    aws_api_gateway_method.cancel_order,
    aws_api_gateway_method.list_orders,
    aws_api_gateway_method.place_order,
    aws_api_gateway_method.read_order,
    aws_api_gateway_method.read_stock,
    aws_api_gateway_gateway_response.partner_refusal,
    aws_api_gateway_integration_response.partner_accepted,
    aws_api_gateway_integration_response.partner_unavailable,
    aws_api_gateway_method.partner_submission,
    aws_api_gateway_method.read_partner_order,
  ]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/${var.prefix}/api/access"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.class["logs"].arn
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id          = aws_api_gateway_rest_api.door.id
  deployment_id        = aws_api_gateway_deployment.door.id
  stage_name           = "live"
  xray_tracing_enabled = var.tracing

  # Neither addresses nor claims: who called is the order's business.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      requestId     = "$context.requestId"
      method        = "$context.httpMethod"
      resource      = "$context.resourcePath"
      status        = "$context.status"
      latencyMillis = "$context.responseLatency"
      error         = "$context.error.responseType"
    })
  }

  depends_on = [aws_api_gateway_account.logs]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  stage_name  = aws_api_gateway_stage.live.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }
}
