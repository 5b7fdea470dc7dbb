# What the squads may rely on. They read this parameter, never this root's state.
locals {
  platform = {
    account_id = local.account_id
    region     = local.region
    prefix     = var.prefix
    buses = {
      for domain, bus in aws_cloudwatch_event_bus.domain : domain => { name = bus.name, arn = bus.arn }
    }
    keys = { for class, key in aws_kms_key.class : class => key.arn if class != "directory" }
    directory = {
      name    = local.directory
      arn     = one(concat(aws_dynamodb_table.directory[*].arn, aws_dynamodb_table_replica.directory[*].arn))
      key_arn = aws_kms_key.class["directory"].arn
    }
    api = {
      id            = aws_api_gateway_rest_api.door.id
      execution_arn = aws_api_gateway_rest_api.door.execution_arn
      url           = var.domain == null ? aws_api_gateway_stage.live.invoke_url : "https://${local.door_name}"
      stage         = aws_api_gateway_stage.live.stage_name
    }
    user_pool = {
      id        = aws_cognito_user_pool.customers.id
      client_id = aws_cognito_user_pool_client.shop.id
      issuer    = "https://${aws_cognito_user_pool.customers.endpoint}"
    }
    network = one([
      for name, group in aws_security_group.functions : {
        subnet_ids        = [for subnet in aws_subnet.functions : subnet.id]
        security_group_id = group.id
      }
    ])
    alarm_topic_arn          = aws_sns_topic.alarms.arn
    ticket_topic_arn         = aws_sns_topic.tickets.arn
    repository_url           = var.repository_url
    permissions_boundary_arn = var.permissions_boundary_arn
    regions                  = local.regions
  }
}

resource "aws_ssm_parameter" "contract" {
  name        = "/${var.prefix}/platform/v1"
  description = "What the platform offers to the squads."
  type        = "String"
  value       = jsonencode(local.platform)

  lifecycle {
    precondition {
      condition     = contains(try(values(var.second_region), [local.region]), local.region)
      error_message = "This is applied in one of the two Regions: see AWS_REGION and `second_region`."
    }
  }
}
