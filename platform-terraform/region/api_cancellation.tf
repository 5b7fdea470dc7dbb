# A customer's wish to cancel an order: put on the queue of `cancel-order` as an order is on that of `order-ingest`. There is
# nothing to say in a body, so none is read.
locals {
  cancel_queue     = "${var.prefix}-cancel-order"
  cancel_queue_arn = "arn:aws:sqs:${local.region}:${local.account_id}:${local.cancel_queue}"

  # SQS takes no empty body: this one is `{}`.
  send_cancellation = join("&", concat(["Action=SendMessage", "MessageBody=%7B%7D"], local.message_attributes))
}

resource "aws_api_gateway_resource" "cancellation" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_resource.order.id
  path_part   = "cancellation"
}

resource "aws_api_gateway_method" "cancel_order" {
  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = aws_api_gateway_resource.cancellation.id
  http_method        = "PUT"
  authorization      = "COGNITO_USER_POOLS"
  authorizer_id      = aws_api_gateway_authorizer.customers.id
  request_parameters = { "method.request.path.orderId" = true }
}

resource "aws_api_gateway_integration" "cancel_order" {
  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = aws_api_gateway_resource.cancellation.id
  http_method             = aws_api_gateway_method.cancel_order.http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:sqs:path/${local.account_id}/${local.cancel_queue}"
  credentials             = aws_iam_role.door.arn
  passthrough_behavior    = "NEVER"
  request_parameters      = { "integration.request.header.Content-Type" = "'application/x-www-form-urlencoded'" }
  request_templates       = { "application/json" = local.send_cancellation }
}

resource "aws_api_gateway_method_response" "cancellation_accepted" {
  rest_api_id     = aws_api_gateway_rest_api.door.id
  resource_id     = aws_api_gateway_resource.cancellation.id
  http_method     = aws_api_gateway_method.cancel_order.http_method
  status_code     = "202"
  response_models = { "application/json" = "Empty" }
}

resource "aws_api_gateway_method_response" "cancellation_unavailable" {
  rest_api_id     = aws_api_gateway_rest_api.door.id
  resource_id     = aws_api_gateway_resource.cancellation.id
  http_method     = aws_api_gateway_method.cancel_order.http_method
  status_code     = "503"
  response_models = { "application/json" = "Error" }
}

# Accepted is the wish. Whether the order could still be cancelled is read under the order's own URL.
resource "aws_api_gateway_integration_response" "cancellation_accepted" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  resource_id = aws_api_gateway_resource.cancellation.id
  http_method = aws_api_gateway_method.cancel_order.http_method
  status_code = aws_api_gateway_method_response.cancellation_accepted.status_code
  response_templates = {
    "application/json" = "{\"orderId\":\"$util.urlEncode($input.params('orderId'))\",\"status\":\"CANCELLATION_REQUESTED\"}"
  }

  lifecycle {
    # A replaced integration loses its responses.
    replace_triggered_by = [aws_api_gateway_integration.cancel_order]
  }
}

resource "aws_api_gateway_integration_response" "cancellation_unavailable" {
  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = aws_api_gateway_resource.cancellation.id
  http_method        = aws_api_gateway_method.cancel_order.http_method
  status_code        = aws_api_gateway_method_response.cancellation_unavailable.status_code
  selection_pattern  = "[45]\\d{2}"
  response_templates = { "application/json" = "{\"message\":\"try again\"}" }

  lifecycle {
    replace_triggered_by = [aws_api_gateway_integration.cancel_order]
  }
}
