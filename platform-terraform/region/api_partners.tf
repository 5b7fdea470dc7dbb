# The door's part for partners: marketplaces and stores. `authorize-partner` of the orders squad checks the credential
# and says who it is of; the plan that counts the requests is chosen by what it says.
locals {
  sales_queue          = "${var.prefix}-adjust-stock"
  sales_queue_arn      = "arn:aws:sqs:${local.region}:${local.account_id}:${local.sales_queue}"
  authorizer_alias_arn = "arn:aws:lambda:${local.region}:${local.account_id}:function:${var.prefix}-authorize-partner:live"

  # What partners put, and what goes with it to the queue that it is put on. Who they are, the channel of their orders
  # and the store whose sales they are come from the authorizer, never from the client.
  partner_submissions = {
    order = {
      model       = "PlacePartnerOrder"
      schema      = "place-partner-order"
      resource_id = aws_api_gateway_resource.partner["orders/{orderId}"].id
      id          = "orderId"
      queue       = local.ingest_queue
      attributes = {
        orderId   = "$input.params('orderId')"
        principal = "$context.authorizer.principalId"
        channel   = "$context.authorizer.channel"
      }
    }
    sale = {
      model       = "RecordSale"
      schema      = "record-sale"
      resource_id = aws_api_gateway_resource.partner["sales/{saleId}"].id
      id          = "saleId"
      queue       = local.sales_queue
      attributes = {
        saleId    = "$input.params('saleId')"
        principal = "$context.authorizer.principalId"
        node      = "$context.authorizer.node"
      }
    }
  }

  # As `send_message`: form-encoded, so that nothing can become another parameter.
  partner_messages = {
    for name, submission in local.partner_submissions : name => join("&", concat(
      ["Action=SendMessage", "MessageBody=$util.urlEncode($input.body)"],
      flatten([
        for position, attribute in keys(submission.attributes) : [
          "MessageAttribute.${position + 1}.Name=${attribute}",
          "MessageAttribute.${position + 1}.Value.DataType=String",
          "MessageAttribute.${position + 1}.Value.StringValue=$util.urlEncode(${submission.attributes[attribute]})",
        ]
      ]),
    ))
  }
}

# The function sees the header and the method's name, and nothing else of the request. What is no credential at all is
# refused before it is asked.
resource "aws_api_gateway_authorizer" "partners" {
  name                             = "partners"
  rest_api_id                      = aws_api_gateway_rest_api.door.id
  type                             = "TOKEN"
  authorizer_uri                   = "arn:aws:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.authorizer_alias_arn}/invocations"
  identity_source                  = "method.request.header.Authorization"
  identity_validation_expression   = "^Bearer [a-z][a-z0-9-]{1,31}\\.[A-Za-z0-9_-]{43}$"
  authorizer_result_ttl_in_seconds = 300
}

resource "aws_api_gateway_model" "partner_submission" {
  for_each = local.partner_submissions

  name         = each.value.model
  rest_api_id  = aws_api_gateway_rest_api.door.id
  content_type = "application/json"
  schema       = file("${path.module}/../../contracts/api/${each.value.schema}.model.json")
}

resource "aws_api_gateway_resource" "partners" {
  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_rest_api.door.root_resource_id
  path_part   = "partner"
}

resource "aws_api_gateway_resource" "partner_collection" {
  for_each = toset(["orders", "sales"])

  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_resource.partners.id
  path_part   = each.key
}

resource "aws_api_gateway_resource" "partner" {
  for_each = toset(["orders/{orderId}", "sales/{saleId}"])

  rest_api_id = aws_api_gateway_rest_api.door.id
  parent_id   = aws_api_gateway_resource.partner_collection[split("/", each.key)[0]].id
  path_part   = split("/", each.key)[1]
}

resource "aws_api_gateway_method" "partner_submission" {
  for_each = local.partner_submissions

  rest_api_id          = aws_api_gateway_rest_api.door.id
  resource_id          = each.value.resource_id
  http_method          = "PUT"
  authorization        = "CUSTOM"
  authorizer_id        = aws_api_gateway_authorizer.partners.id
  api_key_required     = true
  request_validator_id = aws_api_gateway_request_validator.body.id
  request_models       = { "application/json" = aws_api_gateway_model.partner_submission[each.key].name }
  request_parameters   = { "method.request.path.${each.value.id}" = true }
}

resource "aws_api_gateway_integration" "partner_submission" {
  for_each = local.partner_submissions

  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = each.value.resource_id
  http_method             = aws_api_gateway_method.partner_submission[each.key].http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:sqs:path/${local.account_id}/${each.value.queue}"
  credentials             = aws_iam_role.door.arn
  passthrough_behavior    = "NEVER"
  request_parameters      = { "integration.request.header.Content-Type" = "'application/x-www-form-urlencoded'" }
  request_templates       = { "application/json" = local.partner_messages[each.key] }
}

resource "aws_api_gateway_method_response" "partner_accepted" {
  for_each = local.partner_submissions

  rest_api_id     = aws_api_gateway_rest_api.door.id
  resource_id     = each.value.resource_id
  http_method     = aws_api_gateway_method.partner_submission[each.key].http_method
  status_code     = "202"
  response_models = { "application/json" = "Empty" }
}

resource "aws_api_gateway_method_response" "partner_unavailable" {
  for_each = local.partner_submissions

  rest_api_id     = aws_api_gateway_rest_api.door.id
  resource_id     = each.value.resource_id
  http_method     = aws_api_gateway_method.partner_submission[each.key].http_method
  status_code     = "503"
  response_models = { "application/json" = "Error" }
}

resource "aws_api_gateway_integration_response" "partner_accepted" {
  for_each = local.partner_submissions

  rest_api_id = aws_api_gateway_rest_api.door.id
  resource_id = each.value.resource_id
  http_method = aws_api_gateway_method.partner_submission[each.key].http_method
  status_code = aws_api_gateway_method_response.partner_accepted[each.key].status_code
  response_templates = {
    "application/json" = "{\"${each.value.id}\":\"$util.urlEncode($input.params('${each.value.id}'))\",\"status\":\"ACCEPTED\"}"
  }

  lifecycle {
    # A replaced integration loses its responses.
    replace_triggered_by = [aws_api_gateway_integration.partner_submission[each.key]]
  }
}

resource "aws_api_gateway_integration_response" "partner_unavailable" {
  for_each = local.partner_submissions

  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = each.value.resource_id
  http_method        = aws_api_gateway_method.partner_submission[each.key].http_method
  status_code        = aws_api_gateway_method_response.partner_unavailable[each.key].status_code
  selection_pattern  = "[45]\\d{2}"
  response_templates = { "application/json" = "{\"message\":\"try again\"}" }

  lifecycle {
    replace_triggered_by = [aws_api_gateway_integration.partner_submission[each.key]]
  }
}

resource "aws_api_gateway_method" "read_partner_order" {
  rest_api_id        = aws_api_gateway_rest_api.door.id
  resource_id        = aws_api_gateway_resource.partner["orders/{orderId}"].id
  http_method        = "GET"
  authorization      = "CUSTOM"
  authorizer_id      = aws_api_gateway_authorizer.partners.id
  api_key_required   = true
  request_parameters = { "method.request.path.orderId" = true }
}

resource "aws_api_gateway_integration" "read_partner_order" {
  rest_api_id             = aws_api_gateway_rest_api.door.id
  resource_id             = aws_api_gateway_resource.partner["orders/{orderId}"].id
  http_method             = aws_api_gateway_method.read_partner_order.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.query_alias_arn}/invocations"
}

# Refusals that partners meet, as sentences. An authorizer that fails, or is not there yet, is our failure.
resource "aws_api_gateway_gateway_response" "partner_refusal" {
  for_each = {
    ACCESS_DENIED                  = { status = "403", message = "this credential does not allow that" }
    AUTHORIZER_CONFIGURATION_ERROR = { status = "503", message = "try again" }
    AUTHORIZER_FAILURE             = { status = "503", message = "try again" }
    INVALID_API_KEY                = { status = "403", message = "this partner has no plan" }
    QUOTA_EXCEEDED                 = { status = "429", message = "the requests that the plan has for this day are used up" }
  }

  rest_api_id        = aws_api_gateway_rest_api.door.id
  response_type      = each.key
  status_code        = each.value.status
  response_templates = { "application/json" = jsonencode({ message = each.value.message }) }
}

resource "aws_api_gateway_usage_plan" "partners" {
  for_each = var.partner_plans

  name        = "${var.prefix}-${each.key}"
  description = "What each partner of this plan may ask for."

  api_stages {
    api_id = aws_api_gateway_rest_api.door.id
    stage  = aws_api_gateway_stage.live.stage_name
  }

  throttle_settings {
    rate_limit  = each.value.rate
    burst_limit = each.value.burst
  }

  quota_settings {
    limit  = each.value.requests_per_day
    period = "DAY"
  }
}

# No secret: with the key source `AUTHORIZER` a client cannot show a key, so this value opens nothing. It is how
# `authorize-partner` names the partner to the plan, derived there and here from the same two names. Values are unique in
# a region of AWS, and so is an API's id.
resource "aws_api_gateway_api_key" "partner" {
  for_each = var.partners

  name        = "${var.prefix}-partner-${each.key}"
  description = "Counts the requests of one partner."
  value       = sha256("${aws_api_gateway_rest_api.door.id}/${each.key}")
}

resource "aws_api_gateway_usage_plan_key" "partner" {
  for_each = var.partners

  key_id        = aws_api_gateway_api_key.partner[each.key].id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.partners[each.value].id
}
