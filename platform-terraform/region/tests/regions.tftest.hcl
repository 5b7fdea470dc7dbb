mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

# The mocked provider is in eu-central-1, so `home` decides which of the two Regions a run is about.
mock_provider "aws" {
  source = "../testing"

  override_resource {
    target = aws_acm_certificate.door["api.shop.example"]
    values = {
      arn = "arn:aws:acm:eu-central-1:111122223333:certificate/door"
      domain_validation_options = [
        {
          domain_name           = "api.shop.example"
          resource_record_name  = "_1.api.shop.example."
          resource_record_type  = "CNAME"
          resource_record_value = "_1.acm-validations.aws."
        },
        {
          domain_name           = "eu-central-1.api.shop.example"
          resource_record_name  = "_2.eu-central-1.api.shop.example."
          resource_record_type  = "CNAME"
          resource_record_value = "_2.acm-validations.aws."
        },
      ]
    }
  }

  override_resource {
    target = aws_acm_certificate_validation.door["api.shop.example"]
    values = { certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/door" }
  }

  override_resource {
    target = aws_ssm_parameter.role["eu-west-1"]
    values = { arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/lakeside/region/role" }
  }

  mock_resource "aws_dynamodb_table_replica" {
    defaults = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lakeside-directory" }
  }
}

variables {
  environment   = "test"
  second_region = { home = "eu-central-1", standby = "eu-west-1" }
}

run "one_region_has_nothing_of_a_second" {
  command = plan

  variables {
    second_region = null
  }

  assert {
    condition = alltrue([
      length(aws_cloudwatch_event_rule.forward) == 0,
      length(aws_ssm_parameter.role) == 0,
      length(aws_api_gateway_resource.health) == 0,
      length(aws_route53_record.failover) == 0,
      output.platform.regions == null,
      aws_iam_role.door.name == "lakeside-api",
    ])
    error_message = "An installation in one Region must not pay for two."
  }
}

run "what_is_said_here_is_said_there_once" {
  command = plan

  assert {
    condition = {
      for domain, target in aws_cloudwatch_event_target.forward : domain => target.arn
      } == {
      for domain in ["fulfilment", "growth", "inventory", "orders"] :
      domain => "arn:aws:events:eu-west-1:111122223333:event-bus/lakeside-${domain}"
    }
    error_message = "Each bus must forward to the bus of its own name."
  }

  assert {
    condition = alltrue([
      for domain, rule in aws_cloudwatch_event_rule.forward : jsondecode(rule.event_pattern) == {
        source      = ["lakeside.${domain}"]
        region      = ["eu-central-1"]
        replay-name = [{ exists = false }]
      }
    ])
    error_message = "Only what was published here, and is new, may be forwarded."
  }

  # What arrives there is of this Region, and the rule there takes only what is of that one.
  assert {
    condition = alltrue([
      for domain, target in aws_cloudwatch_event_target.forward :
      !contains(jsondecode(aws_cloudwatch_event_rule.forward[domain].event_pattern).region, split(":", target.arn)[3])
    ])
    error_message = "What is forwarded must not match the rule that would send it back."
  }
}

run "what_cannot_be_forwarded_is_kept_and_pages" {
  assert {
    condition = alltrue([
      for target in aws_cloudwatch_event_target.forward : alltrue([
        target.dead_letter_config[0].arn == aws_sqs_queue.forward_dlq["eu-west-1"].arn,
        target.retry_policy[0].maximum_retry_attempts == 185,
        target.retry_policy[0].maximum_event_age_in_seconds == 86400,
      ])
    ])
    error_message = "Retries must be finite, and what was given up kept."
  }

  assert {
    condition = alltrue([
      aws_sqs_queue.forward_dlq["eu-west-1"].message_retention_seconds == 1209600,
      aws_sqs_queue.forward_dlq["eu-west-1"].kms_master_key_id == aws_kms_key.class["messaging"].arn,
      module.replication_alarms["eu-west-1"].alarms["lakeside-forward-events-dead-letters"].threshold == 0,
      module.replication_alarms["eu-west-1"].alarms["lakeside-forward-events-dead-letters"].metrics.messages.dimensions.QueueName == aws_sqs_queue.forward_dlq["eu-west-1"].name,
      module.replication_alarms["eu-west-1"].alarms["lakeside-forward-events-dead-letters"].topic_arn == aws_sns_topic.alarms.arn,
    ])
    error_message = "A single event that was given up must be kept, encrypted, and reach the alarm topic."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.forward_dlq.statement :
      one(statement.condition).variable == "aws:SourceArn"
      && toset(one(statement.condition).values) == toset([for rule in aws_cloudwatch_event_rule.forward : rule.arn])
    ])
    error_message = "Only the rules that forward may leave their dead letters here."
  }
}

run "forwarding_reaches_the_other_buses_and_nothing_else" {
  command = plan

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.forward.statement : [statement.actions, statement.resources]
    ] == [[toset(["events:PutEvents"]), toset(values(local.peer_bus_arns))]]
    error_message = "Whoever changes this list changes what one Region may do in the other."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.forward_trust.statement : alltrue([
        one(statement.principals).identifiers == toset(["events.amazonaws.com"]),
        one(statement.condition).variable == "aws:SourceArn",
        toset(one(statement.condition).values) == toset([for rule in aws_cloudwatch_event_rule.forward : rule.arn]),
      ])
    ])
    error_message = "Nobody but the rules may forward."
  }
}

run "the_home_region_keeps_its_names_and_works" {
  command = plan

  assert {
    condition = alltrue([
      aws_iam_role.door.name == "lakeside-api",
      aws_iam_role.forward["eu-west-1"].name == "lakeside-forward-events",
      aws_ssm_parameter.role["eu-west-1"].value == "active",
      aws_ssm_parameter.role["eu-west-1"].name == "/lakeside/region/role",
      jsonencode(output.platform.regions) == jsonencode({
        role_parameter = "/lakeside/region/role"
        role_suffix    = ""
        home           = "eu-central-1"
        owns_tables    = true
      }),
    ])
    error_message = "A second Region must change nothing about the first."
  }

  assert {
    condition = (
      length(aws_dynamodb_table.directory) == 1 && length(aws_dynamodb_table_replica.directory) == 0
      && aws_dynamodb_table.directory[0].stream_view_type == "NEW_AND_OLD_IMAGES"
    )
    error_message = "The home Region must make the directory, with the stream that replication reads."
  }
}

run "the_standby_has_names_of_its_own_and_waits" {
  variables {
    second_region = { home = "eu-west-1", standby = "eu-central-1" }
  }

  assert {
    condition = alltrue([
      aws_iam_role.door.name == "lakeside-api-eu-central-1",
      aws_iam_role.api_logs[0].name == "lakeside-api-logs-eu-central-1",
      aws_iam_role.forward["eu-west-1"].name == "lakeside-forward-events-eu-central-1",
      local.initial_role == "standby",
      jsonencode(output.platform.regions) == jsonencode({
        role_parameter = "/lakeside/region/role"
        role_suffix    = "-eu-central-1"
        home           = "eu-west-1"
        owns_tables    = false
      }),
    ])
    error_message = "Roles are the account's: two Regions must not make the same one."
  }

  assert {
    condition = alltrue([
      length(aws_dynamodb_table.directory) == 0,
      aws_dynamodb_table_replica.directory[0].global_table_arn == "arn:aws:dynamodb:eu-west-1:111122223333:table/lakeside-directory",
      aws_dynamodb_table_replica.directory[0].kms_key_arn == aws_kms_key.class["directory"].arn,
      aws_dynamodb_table_replica.directory[0].point_in_time_recovery,
      aws_dynamodb_table_replica.directory[0].deletion_protection_enabled,
      output.platform.directory.arn == "arn:aws:dynamodb:eu-central-1:111122223333:table/lakeside-directory",
    ])
    error_message = "The replica must have what the directory has, under this Region's key."
  }
}

run "the_switch_itself_says_who_works" {
  command = plan

  assert {
    condition = alltrue([
      aws_api_gateway_method.health["eu-west-1"].http_method == "GET",
      aws_api_gateway_method.health["eu-west-1"].authorization == "NONE",
      aws_api_gateway_integration.health["eu-west-1"].uri == "arn:aws:apigateway:eu-central-1:ssm:path//",
      jsondecode(aws_api_gateway_integration.health["eu-west-1"].request_templates["application/json"]).Name == "/lakeside/region/role",
      aws_api_gateway_integration.health["eu-west-1"].request_parameters["integration.request.header.X-Amz-Target"] == "'AmazonSSM.GetParameter'",
    ])
    error_message = "No function may stand between the question and the switch."
  }

  assert {
    condition = (
      strcontains(aws_api_gateway_integration_response.health["200"].response_templates["application/json"], "#if($role != 'active')#set($context.responseOverride.status = 503)#end")
      && aws_api_gateway_integration_response.health["503"].selection_pattern == "[45]\\d{2}"
    )
    error_message = "Whatever is not certainly active is not."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.door.statement : statement.sid => [statement.actions, statement.resources] if statement.sid == "TellTheRole"
    } == { TellTheRole = [toset(["ssm:GetParameter"]), toset(["arn:aws:ssm:eu-central-1:111122223333:parameter/lakeside/region/role"])] }
    error_message = "The door may read the switch, and no other parameter."
  }
}

run "the_name_leads_home_until_the_standby_says_that_it_works" {
  variables {
    domain = { name = "shop.example", zone_id = "Z123" }
  }

  assert {
    condition = alltrue([
      aws_route53_health_check.home["eu-west-1"].fqdn == "eu-west-1.api.shop.example",
      aws_route53_health_check.home["eu-west-1"].resource_path == "/health",
      aws_route53_health_check.home["eu-west-1"].invert_healthcheck,
    ])
    error_message = "The check must ask the standby, and must not need the Region that fails."
  }

  assert {
    condition = alltrue([
      aws_route53_record.failover["eu-west-1"].name == "api.shop.example",
      aws_route53_record.failover["eu-west-1"].failover_routing_policy[0].type == "PRIMARY",
      aws_route53_record.failover["eu-west-1"].set_identifier == "eu-central-1",
      aws_route53_record.failover["eu-west-1"].health_check_id == aws_route53_health_check.home["eu-west-1"].id,
    ])
    error_message = "The home Region must be the first choice, for as long as the check allows."
  }

  assert {
    condition = { for kind, domain in aws_api_gateway_domain_name.door : kind => domain.domain_name } == {
      own    = "eu-central-1.api.shop.example"
      shared = "api.shop.example"
    }
    error_message = "Each Region must answer to the shared name and to its own."
  }

  assert {
    condition     = [for kind, record in aws_route53_record.door : record.name] == ["eu-central-1.api.shop.example"]
    error_message = "The shared name must have the records of the failover alone."
  }
}

run "the_standby_is_the_second_choice" {
  command = plan

  variables {
    second_region = { home = "eu-west-1", standby = "eu-central-1" }
    domain        = { name = "shop.example", zone_id = "Z123" }
  }

  assert {
    condition = (
      length(aws_route53_health_check.home) == 0
      && aws_route53_record.failover["eu-west-1"].failover_routing_policy[0].type == "SECONDARY"
    )
    error_message = "The standby must be led to only if the home Region must not be."
  }
}

run "one_region_has_one_name" {
  command = plan

  variables {
    second_region = null
    domain        = { name = "shop.example", zone_id = "Z123" }
  }

  assert {
    condition = (
      [for kind, record in aws_route53_record.door : record.name] == ["api.shop.example"]
      && aws_api_gateway_rest_api.door.disable_execute_api_endpoint
      && output.platform.api.url == "https://api.shop.example"
      && aws_api_gateway_domain_name.door["shared"].security_policy == "TLS_1_2"
    )
    error_message = "With a name of its own the door must have no other, and TLS of today."
  }
}

run "customers_of_the_other_region_are_let_in" {
  command = plan

  variables {
    other_customer_pool_arns = ["arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_abc"]
  }

  assert {
    condition     = length(aws_api_gateway_authorizer.customers.provider_arns) == 2
    error_message = "A token must outlive the Region that gave it."
  }
}

run "rejects_a_region_that_is_neither" {
  command = plan

  variables {
    second_region = { home = "us-east-1", standby = "us-west-2" }
  }

  expect_failures = [aws_ssm_parameter.contract]
}

run "rejects_a_region_that_stands_by_for_itself" {
  command = plan

  variables {
    second_region = { home = "eu-central-1", standby = "eu-central-1" }
  }

  expect_failures = [var.second_region]
}

run "rejects_what_is_no_region" {
  command = plan

  variables {
    second_region = { home = "eu-central-1", standby = "Ireland" }
  }

  expect_failures = [var.second_region]
}

run "rejects_a_pool_that_is_no_arn" {
  command = plan

  variables {
    other_customer_pool_arns = ["eu-west-1_abc"]
  }

  expect_failures = [var.other_customer_pool_arns]
}

run "rejects_a_domain_that_is_an_address" {
  command = plan

  variables {
    domain = { name = "https://shop.example", zone_id = "Z123" }
  }

  expect_failures = [var.domain]
}

run "rejects_a_zone_that_is_a_name" {
  command = plan

  variables {
    domain = { name = "shop.example", zone_id = "shop.example" }
  }

  expect_failures = [var.domain]
}

run "operations_find_what_the_other_region_did_not_take" {
  assert {
    condition     = keys(jsondecode(aws_ssm_parameter.operations.value).queues) == ["forward-events"]
    error_message = "Whoever gives an event up must give it up where operations look."
  }
}
