# How customers read what there is. The inventory squad owns the function; the door knows it by its name.
locals {
  stock_alias_arn = "arn:aws:lambda:${local.region}:${local.account_id}:function:${var.prefix}-stock-query:live"

  stock_resources = {
    sku   = { resource_id = aws_api_gateway_resource.sku.id, parameter = "sku" }
    store = { resource_id = aws_api_gateway_resource.store_stock.id, parameter = "node" }
  }
}

resource "aws_api_gateway_resource" "stock" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_rest_api.door.root_resource_id
  path_part   = "stock"
}

resource "aws_api_gateway_resource" "sku" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_resource.stock.id
  path_part   = "{sku}"
}

resource "aws_api_gateway_resource" "stores" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_rest_api.door.root_resource_id
  path_part   = "stores"
}

resource "aws_api_gateway_resource" "store" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_resource.stores.id
  path_part   = "{node}"
}

resource "aws_api_gateway_resource" "store_stock" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_resource.store.id
  path_part   = "stock"
}

resource "aws_api_gateway_method" "read_stock" {
  for_each = local.stock_resources

  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = each.value.resource_id
  http_method        = "GET"
  authorization      = "COGNITO_USER_POOLS"
  authorizer_id      = aws_api_gateway_authorizer.customers.id
  request_parameters = { "method.request.path.${each.value.parameter}" = true }
}

resource "aws_api_gateway_integration" "read_stock" {
  for_each = local.stock_resources

  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = each.value.resource_id
  http_method             = aws_api_gateway_method.read_stock[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.stock_alias_arn}/invocations"
}
