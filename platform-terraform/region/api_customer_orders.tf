# The orders of whoever asks, newest first. `customer-orders` reads the two parameters and refuses what they may not be.
locals {
  customer_orders_alias_arn = "arn:aws:lambda:${local.region}:${local.account_id}:function:${var.prefix}-customer-orders:live"
}

resource "aws_api_gateway_method" "list_orders" {
  rest_api_id   = aws_api_gateway_rest_api.door.id
  resource_id   = aws_api_gateway_resource.orders.id
  http_method   = "GET"
  authorization = "COGNITO_USER_POOLS"
  authorizer_id = aws_api_gateway_authorizer.customers.id
  request_parameters = {
    "method.request.querystring.limit" = false
    "method.request.querystring.next"  = false
  }
}

resource "aws_api_gateway_integration" "list_orders" {
  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = aws_api_gateway_resource.orders.id
  http_method             = aws_api_gateway_method.list_orders.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.customer_orders_alias_arn}/invocations"
}
