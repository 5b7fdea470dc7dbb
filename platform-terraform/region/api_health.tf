# `GET /health` says whether this Region works: 200 if it does, 503 if it stands by. No function answers, but the switch
# itself. It is what the door's name follows (failover.tf), so it is open to everybody, and tells nothing else.
locals {
  health_headers = {
    "integration.request.header.Content-Type" = "'application/x-amz-json-1.1'"
    "integration.request.header.X-Amz-Target" = "'AmazonSSM.GetParameter'"
  }

  health_response = join("", [
    "#set($role = $input.path('$.Parameter.Value'))",
    "#if($role != 'active')#set($context.responseOverride.status = 503)#end",
    "{\"role\":\"$role\"}",
  ])

  health_outcomes = {
    "200" = { pattern = null, template = local.health_response }
    "503" = { pattern = "[45]\\d{2}", template = "{\"role\":\"unknown\"}" }
  }
  health_answers = { for pair in setproduct(local.peers, keys(local.health_outcomes)) : pair[1] => pair[0] }
}

resource "aws_api_gateway_resource" "health" {
  for_each = local.peers

  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_rest_api.door.root_resource_id
  path_part   = "health"
}

resource "aws_api_gateway_method" "health" {
  for_each = local.peers

  rest_api_id   = aws_api_gateway_rest_api.door.id
  resource_id   = aws_api_gateway_resource.health[each.key].id
  http_method   = "GET"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "health" {
  for_each = local.peers

  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = aws_api_gateway_resource.health[each.key].id
  http_method             = aws_api_gateway_method.health[each.key].http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:ssm:path//"
  credentials             = aws_iam_role.door.arn
  passthrough_behavior    = "NEVER"
  request_parameters      = local.health_headers
  request_templates       = { "application/json" = jsonencode({ Name = aws_ssm_parameter.role[each.key].name }) }
}

resource "aws_api_gateway_method_response" "health" {
  for_each = local.health_answers

  rest_api_id     = aws_api_gateway_rest_api.door.id
  resource_id     = aws_api_gateway_resource.health[each.value].id
  http_method     = aws_api_gateway_method.health[each.value].http_method
  status_code     = each.key
  response_models = { "application/json" = "Empty" }
}

resource "aws_api_gateway_integration_response" "health" {
  for_each = local.health_answers

  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = aws_api_gateway_resource.health[each.value].id
  http_method        = aws_api_gateway_method.health[each.value].http_method
  status_code        = aws_api_gateway_method_response.health[each.key].status_code
  selection_pattern  = local.health_outcomes[each.key].pattern
  response_templates = { "application/json" = local.health_outcomes[each.key].template }

  lifecycle {
    # A replaced integration loses its responses.
    replace_triggered_by = [aws_api_gateway_integration.health]
  }
}
