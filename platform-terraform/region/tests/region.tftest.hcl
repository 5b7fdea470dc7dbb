mock_provider "aws" {
  source = "../testing"

  override_resource {
    target = aws_kms_key.class["data"]
    values = {
      arn    = "arn:aws:kms:eu-central-1:111122223333:key/data"
      key_id = "data"
    }
  }

  override_resource {
    target = aws_kms_key.class["directory"]
    values = {
      arn    = "arn:aws:kms:eu-central-1:111122223333:key/directory"
      key_id = "directory"
    }
  }

  override_resource {
    target = aws_kms_key.class["messaging"]
    values = {
      arn    = "arn:aws:kms:eu-central-1:111122223333:key/messaging"
      key_id = "messaging"
    }
  }

  override_resource {
    target = aws_kms_key.class["logs"]
    values = {
      arn    = "arn:aws:kms:eu-central-1:111122223333:key/logs"
      key_id = "logs"
    }
  }

  override_resource {
    target = aws_kms_key.class["secrets"]
    values = {
      arn    = "arn:aws:kms:eu-central-1:111122223333:key/secrets"
      key_id = "secrets"
    }
  }

  override_resource {
    target = aws_cloudwatch_event_bus.domain["orders"]
    values = {
      arn = "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-orders"
    }
  }

  override_resource {
    target = aws_cloudwatch_event_bus.domain["inventory"]
    values = {
      arn = "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-inventory"
    }
  }

  override_resource {
    target = aws_cloudwatch_event_bus.domain["fulfilment"]
    values = {
      arn = "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-fulfilment"
    }
  }

  override_resource {
    target = aws_cloudwatch_event_bus.domain["growth"]
    values = {
      arn = "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-growth"
    }
  }
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

variables {
  environment = "test"
}

run "every_domain_has_a_bus_that_can_be_replayed" {
  assert {
    condition = (
      toset(keys(aws_cloudwatch_event_bus.domain)) == toset(["fulfilment", "growth", "inventory", "orders"])
      && alltrue([
        for bus in aws_cloudwatch_event_bus.domain : bus.kms_key_identifier == aws_kms_key.class["messaging"].arn
      ])
    )
    error_message = "Each domain must have a bus, encrypted with the key for messages."
  }

  assert {
    condition = alltrue([
      for domain, bus in aws_cloudwatch_event_bus.domain :
      aws_cloudwatch_event_archive.domain[domain].event_source_arn == bus.arn
      && aws_cloudwatch_event_archive.domain[domain].retention_days == var.archive_retention_days
    ])
    error_message = "Each bus must have an archive that forgets."
  }
}

run "keys_rotate_and_their_deletion_can_be_taken_back" {
  command = plan

  assert {
    condition = alltrue([
      for key in aws_kms_key.class : key.enable_key_rotation && key.deletion_window_in_days == 30
    ])
    error_message = "Keys must rotate, and stay for a month unless a profile says otherwise."
  }
}

run "services_use_keys_only_for_this_account" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.key : [
        for statement in document.statement :
        length(statement.condition) == 1 if statement.sid == "ServicesOfThisAccount"
      ]
    ]))
    error_message = "A service acts for everybody: the key policy must name the account."
  }

  assert {
    condition = {
      for class, document in data.aws_iam_policy_document.key : class => flatten([
        for statement in document.statement : [
          for condition in statement.condition : "${coalesce(statement.effect, "Allow")} ${condition.variable} ${one(condition.values)}"
        ]
      ])
      } == {
      data      = []
      directory = []
      logs      = ["Allow kms:EncryptionContext:aws:logs:arn arn:aws:logs:eu-central-1:111122223333:log-group:*"]
      messaging = ["Allow aws:SourceAccount 111122223333"]
      secrets   = ["Deny kms:ViaService secretsmanager.eu-central-1.amazonaws.com"]
    }
    error_message = "No service may use the keys for data, secrets and the directory; logs know no source account; secrets come through their service."
  }

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.key : [
        for statement in document.statement : [
          for principal in statement.principals :
          principal.type == "Service" || coalesce(statement.effect, "Allow") == "Deny" || principal.identifiers == toset(["arn:aws:iam::111122223333:root"])
        ]
      ]
    ]))
    error_message = "Only this account may grant the use of its keys."
  }
}

run "only_customers_come_through_the_door" {
  command = plan

  assert {
    condition = alltrue([
      for method in concat(
        [
          aws_api_gateway_method.cancel_order, aws_api_gateway_method.list_orders, aws_api_gateway_method.place_order,
          aws_api_gateway_method.read_order,
        ],
        values(aws_api_gateway_method.read_stock),
      ) :
      method.authorization == "COGNITO_USER_POOLS" && method.authorizer_id == aws_api_gateway_authorizer.customers.id
    ])
    error_message = "Every method must check the token."
  }

  assert {
    condition = (
      aws_api_gateway_authorizer.customers.type == "COGNITO_USER_POOLS"
      && aws_api_gateway_authorizer.customers.provider_arns == toset([aws_cognito_user_pool.customers.arn])
    )
    error_message = "Tokens of other pools must not be accepted."
  }
}

run "a_body_that_is_no_order_is_turned_away" {
  command = plan

  assert {
    condition = alltrue([
      aws_api_gateway_method.place_order.request_validator_id == aws_api_gateway_request_validator.body.id,
      aws_api_gateway_request_validator.body.validate_request_body,
      aws_api_gateway_method.place_order.request_models == tomap({ "application/json" = aws_api_gateway_model.place_order.name }),
    ])
    error_message = "The body must be validated against the model."
  }

  assert {
    condition = alltrue([
      jsondecode(aws_api_gateway_model.place_order.schema) == jsondecode(file("../../contracts/api/place-order.model.json")),
      !jsondecode(aws_api_gateway_model.place_order.schema).additionalProperties,
    ])
    error_message = "The model must be the published contract, which admits no unknown fields."
  }

  assert {
    condition     = aws_api_gateway_integration.place_order.passthrough_behavior == "NEVER"
    error_message = "A body of another type has no model, so it must not pass."
  }

  assert {
    condition     = !strcontains(aws_api_gateway_gateway_response.bad_body.response_templates["application/json"], "$input")
    error_message = "The answer must not repeat the body."
  }
}

run "orders_go_to_the_queue_as_they_are" {
  command = plan

  assert {
    condition = alltrue([
      endswith(aws_api_gateway_integration.place_order.uri, ":sqs:path/111122223333/lakeside-order-ingest"),
      aws_api_gateway_integration.place_order.credentials == aws_iam_role.door.arn,
    ])
    error_message = "The door must put orders on the queue of order-ingest, with its own role."
  }

  assert {
    condition = alltrue([
      for pair in split("&", aws_api_gateway_integration.place_order.request_templates["application/json"]) :
      !strcontains(pair, "$") || can(regex("=\\$util\\.urlEncode\\([^&]*\\)$", pair))
    ])
    error_message = "Whatever a client says must be encoded, or it could become another parameter."
  }

  assert {
    condition = toset([
      for pair in split("&", aws_api_gateway_integration.place_order.request_templates["application/json"]) :
      split("=", pair)[1] if endswith(split("=", pair)[0], ".Name")
    ]) == toset(["orderId", "principal"])
    error_message = "Order id and principal must travel beside the body."
  }

  assert {
    condition = can(regex(
      "\"\\$util\\.(urlEncode|escapeJavaScript)\\(\\$input\\.params\\('orderId'\\)\\)\"",
      aws_api_gateway_integration_response.accepted.response_templates["application/json"],
    ))
    error_message = "The order id must come back escaped."
  }
}

run "a_queue_that_refuses_is_our_failure" {
  command = plan

  assert {
    condition = alltrue([
      aws_api_gateway_integration_response.accepted.status_code == "202",
      aws_api_gateway_integration_response.unavailable.status_code == "503",
      aws_api_gateway_integration_response.unavailable.selection_pattern == "[45]\\d{2}",
      aws_api_gateway_integration_response.cancellation_unavailable.status_code == "503",
      aws_api_gateway_integration_response.cancellation_unavailable.selection_pattern == "[45]\\d{2}",
    ])
    error_message = "Only what is on the queue was accepted."
  }
}

run "orders_are_read_through_the_alias" {
  command = plan

  assert {
    condition = alltrue([
      for function, uri in {
        order-query     = aws_api_gateway_integration.read_order.uri
        customer-orders = aws_api_gateway_integration.list_orders.uri
      } :
      endswith(uri, "/functions/arn:aws:lambda:eu-central-1:111122223333:function:lakeside-${function}:live/invocations")
    ])
    error_message = "The door must call what deployments shift."
  }
}

run "cancellations_go_to_a_queue_of_their_own_and_carry_no_body" {
  command = plan

  assert {
    condition = alltrue([
      endswith(aws_api_gateway_integration.cancel_order.uri, ":sqs:path/111122223333/lakeside-cancel-order"),
      aws_api_gateway_integration.cancel_order.credentials == aws_iam_role.door.arn,
      aws_api_gateway_integration.cancel_order.passthrough_behavior == "NEVER",
      aws_api_gateway_method.cancel_order.http_method == "PUT",
      aws_api_gateway_resource.cancellation.path_part == "cancellation",
    ])
    error_message = "The door must put cancellations on the queue of cancel-order, with its own role."
  }

  assert {
    condition     = !strcontains(aws_api_gateway_integration.cancel_order.request_templates["application/json"], "$input.body")
    error_message = "Nobody reads the body, so nobody may be sent it."
  }

  assert {
    condition = toset([
      for pair in split("&", aws_api_gateway_integration.cancel_order.request_templates["application/json"]) : pair
      if strcontains(pair, "$")
      ]) == toset([
      "MessageAttribute.1.Value.StringValue=$util.urlEncode($input.params('orderId'))",
      "MessageAttribute.2.Value.StringValue=$util.urlEncode($context.authorizer.claims.sub)",
    ])
    error_message = "Order id and principal must travel, encoded, and nothing else."
  }

  assert {
    condition = (
      aws_api_gateway_integration_response.cancellation_accepted.status_code == "202"
      && aws_api_gateway_integration_response.cancellation_accepted.response_templates["application/json"]
      == "{\"orderId\":\"$util.urlEncode($input.params('orderId'))\",\"status\":\"CANCELLATION_REQUESTED\"}"
    )
    error_message = "The order id must come back escaped."
  }
}

run "stock_is_read_through_the_alias_by_sku_and_by_store" {
  command = plan

  assert {
    condition = alltrue([
      for integration in aws_api_gateway_integration.read_stock : endswith(
        integration.uri,
        "/functions/arn:aws:lambda:eu-central-1:111122223333:function:lakeside-stock-query:live/invocations",
      ) && integration.type == "AWS_PROXY"
    ])
    error_message = "The door must call what deployments shift."
  }

  assert {
    condition = {
      for name, method in aws_api_gateway_method.read_stock : name => "${method.http_method} ${join(" ", keys(method.request_parameters))}"
      } == {
      sku   = "GET method.request.path.sku"
      store = "GET method.request.path.node"
    }
    error_message = "Stock is only read, by what the function looks for."
  }

  assert {
    condition = alltrue([
      aws_api_gateway_resource.sku.path_part == "{sku}",
      aws_api_gateway_resource.store.path_part == "{node}",
      aws_api_gateway_resource.store_stock.path_part == "stock",
    ])
    error_message = "The function finds its parameters by these names."
  }
}

run "only_partners_come_through_the_partners_door" {
  command = plan

  assert {
    condition = alltrue([
      for method in concat(values(aws_api_gateway_method.partner_submission), [aws_api_gateway_method.read_partner_order]) :
      method.authorization == "CUSTOM" && method.authorizer_id == aws_api_gateway_authorizer.partners.id && method.api_key_required
    ])
    error_message = "Every method of partners must ask their authorizer and be counted by their plan."
  }

  assert {
    condition = alltrue([
      aws_api_gateway_authorizer.partners.type == "TOKEN",
      aws_api_gateway_authorizer.partners.identity_source == "method.request.header.Authorization",
      aws_api_gateway_authorizer.partners.authorizer_result_ttl_in_seconds == 300,
      endswith(
        aws_api_gateway_authorizer.partners.authorizer_uri,
        "/functions/arn:aws:lambda:eu-central-1:111122223333:function:lakeside-authorize-partner:live/invocations",
      ),
    ])
    error_message = "The authorizer must be what deployments shift, see the header alone, and forget a revoked credential within five minutes."
  }

  assert {
    condition = alltrue([
      for header, passes in {
        "Bearer acme.${join("", [for digit in range(43) : "x"])}"  = true
        "Bearer acme.${join("", [for digit in range(42) : "x"])}"  = false
        "Bearer acme.${join("", [for digit in range(44) : "x"])}"  = false
        "Bearer Acme.${join("", [for digit in range(43) : "x"])}"  = false
        "Basic acme.${join("", [for digit in range(43) : "x"])}"   = false
        "acme.${join("", [for digit in range(43) : "x"])}"         = false
        "Bearer acme.${join("", [for digit in range(43) : "x"])} " = false
      } : can(regex(aws_api_gateway_authorizer.partners.identity_validation_expression, header)) == passes
    ])
    error_message = "What is no credential must not reach the authorizer, and every credential must."
  }
}

run "a_client_does_not_choose_what_counts_its_requests" {
  variables {
    partner_plans = { small = { rate = 2, burst = 5, requests_per_day = 70 }, large = { rate = 20, burst = 50, requests_per_day = 7000 } }
    partners      = { acme = "small", bolt = "large" }
  }

  assert {
    condition     = aws_api_gateway_rest_api.door.api_key_source == "AUTHORIZER"
    error_message = "Were the key a header, its value would be a secret and could be lent."
  }

  assert {
    condition = alltrue([
      for name, plan in aws_api_gateway_usage_plan.partners : alltrue([
        one(plan.throttle_settings).rate_limit == var.partner_plans[name].rate,
        one(plan.throttle_settings).burst_limit == var.partner_plans[name].burst,
        one(plan.quota_settings).limit == var.partner_plans[name].requests_per_day,
        one(plan.quota_settings).period == "DAY",
        one(plan.api_stages).api_id == aws_api_gateway_rest_api.door.id,
        one(plan.api_stages).stage == aws_api_gateway_stage.live.stage_name,
      ])
    ])
    error_message = "A plan must say how much, and be for the door."
  }

  assert {
    condition = alltrue([
      toset(keys(aws_api_gateway_api_key.partner)) == toset(["acme", "bolt"]),
      alltrue([
        for id, key in aws_api_gateway_api_key.partner : key.value == sha256("${aws_api_gateway_rest_api.door.id}/${id}")
      ]),
      alltrue([
        for id, plan in { acme = "small", bolt = "large" } : alltrue([
          aws_api_gateway_usage_plan_key.partner[id].usage_plan_id == aws_api_gateway_usage_plan.partners[plan].id,
          aws_api_gateway_usage_plan_key.partner[id].key_id == aws_api_gateway_api_key.partner[id].id,
        ])
      ]),
    ])
    error_message = "Each partner must be counted on its own, under the name that `authorize-partner` derives."
  }
}

run "nobody_is_a_partner_by_default" {
  command = plan

  assert {
    condition     = length(aws_api_gateway_api_key.partner) == 0
    error_message = "Partners are admitted one by one."
  }
}

run "a_body_of_a_partner_that_makes_no_sense_is_turned_away" {
  command = plan

  assert {
    condition = alltrue([
      for name, method in aws_api_gateway_method.partner_submission : alltrue([
        method.request_validator_id == aws_api_gateway_request_validator.body.id,
        method.request_models == tomap({ "application/json" = aws_api_gateway_model.partner_submission[name].name }),
        aws_api_gateway_integration.partner_submission[name].passthrough_behavior == "NEVER",
      ])
    ])
    error_message = "The body must be validated against its model."
  }

  assert {
    condition = alltrue([
      for name, file in { order = "place-partner-order", sale = "record-sale" } : alltrue([
        jsondecode(aws_api_gateway_model.partner_submission[name].schema) == jsondecode(file("../../contracts/api/${file}.model.json")),
        !jsondecode(aws_api_gateway_model.partner_submission[name].schema).additionalProperties,
      ])
    ])
    error_message = "The model must be the published contract, which admits no unknown fields."
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_api_gateway_model.partner_submission["order"].schema).properties), "channel")
    error_message = "A partner must not name its channel."
  }
}

run "what_a_partner_sends_goes_to_its_queue_with_who_it_is" {
  command = plan

  assert {
    condition = {
      for name, integration in aws_api_gateway_integration.partner_submission : name => regex("[^/]*$", integration.uri)
    } == { order = "lakeside-order-ingest", sale = "lakeside-adjust-stock" }
    error_message = "Orders are for order-ingest, sales for adjust-stock."
  }

  assert {
    condition = alltrue(flatten([
      for integration in aws_api_gateway_integration.partner_submission : [
        integration.credentials == aws_iam_role.door.arn,
        [
          for pair in split("&", integration.request_templates["application/json"]) :
          !strcontains(pair, "$") || can(regex("=\\$util\\.urlEncode\\([^&]*\\)$", pair))
        ],
      ]
    ]))
    error_message = "Whatever a client says must be encoded, or it could become another parameter."
  }

  assert {
    condition = {
      for name, integration in aws_api_gateway_integration.partner_submission : name => {
        for position in [1, 2, 3] : one([
          for pair in split("&", integration.request_templates["application/json"]) :
          split("=", pair)[1] if startswith(pair, "MessageAttribute.${position}.Name=")
          ]) => one([
          for pair in split("&", integration.request_templates["application/json"]) :
          split("=", pair)[1] if startswith(pair, "MessageAttribute.${position}.Value.StringValue=")
        ])
      }
      } == {
      order = {
        orderId   = "$util.urlEncode($input.params('orderId'))"
        principal = "$util.urlEncode($context.authorizer.principalId)"
        channel   = "$util.urlEncode($context.authorizer.channel)"
      }
      sale = {
        saleId    = "$util.urlEncode($input.params('saleId'))"
        principal = "$util.urlEncode($context.authorizer.principalId)"
        node      = "$util.urlEncode($context.authorizer.node)"
      }
    }
    error_message = "Principal, channel and node must come from the authorizer, never from the request."
  }

  assert {
    condition = alltrue([
      for name, id in { order = "orderId", sale = "saleId" } : alltrue([
        jsondecode(aws_api_gateway_integration_response.partner_accepted[name].response_templates["application/json"]) == {
          (id) = "$util.urlEncode($input.params('${id}'))", status = "ACCEPTED"
        },
        aws_api_gateway_integration_response.partner_accepted[name].status_code == "202",
        aws_api_gateway_integration_response.partner_unavailable[name].status_code == "503",
        aws_api_gateway_integration_response.partner_unavailable[name].selection_pattern == "[45]\\d{2}",
      ])
    ])
    error_message = "Only what is on the queue was accepted, and its id comes back escaped."
  }
}

run "partners_read_orders_through_the_alias" {
  command = plan

  assert {
    condition = endswith(
      aws_api_gateway_integration.read_partner_order.uri,
      "/functions/arn:aws:lambda:eu-central-1:111122223333:function:lakeside-order-query:live/invocations",
    )
    error_message = "The door must call what deployments shift."
  }
}

run "refusals_of_partners_are_sentences_that_repeat_nothing" {
  command = plan

  assert {
    condition = alltrue([
      for type, response in aws_api_gateway_gateway_response.partner_refusal :
      can(regex("^[a-z][a-z ]+$", jsondecode(response.response_templates["application/json"]).message))
    ])
    error_message = "A refusal must say why, and nothing of the request."
  }

  assert {
    condition = {
      for type, response in aws_api_gateway_gateway_response.partner_refusal : type => response.status_code
      } == {
      ACCESS_DENIED                  = "403"
      AUTHORIZER_CONFIGURATION_ERROR = "503"
      AUTHORIZER_FAILURE             = "503"
      INVALID_API_KEY                = "403"
      QUOTA_EXCEEDED                 = "429"
    }
    error_message = "What we cannot check must not look like what we refuse."
  }
}

run "the_door_may_put_orders_and_sales_on_their_queues_and_nothing_else" {
  command = plan

  assert {
    condition = jsonencode([
      for statement in data.aws_iam_policy_document.door.statement : [sort(statement.actions), sort(statement.resources)]
      ]) == jsonencode([
      [["sqs:SendMessage"], ["arn:aws:sqs:eu-central-1:111122223333:lakeside-cancel-order", "arn:aws:sqs:eu-central-1:111122223333:lakeside-order-ingest"]],
      [["sqs:SendMessage"], ["arn:aws:sqs:eu-central-1:111122223333:lakeside-adjust-stock"]],
      [["kms:Decrypt", "kms:GenerateDataKey"], [aws_kms_key.class["messaging"].arn]],
    ])
    error_message = "Whoever changes this list changes what the door may do."
  }
}

run "the_door_says_who_came_to_nobody" {
  command = plan

  assert {
    condition = alltrue([
      for word in [
        "identity", "authorizer", "claims", "requestOverride", "body", "$context.path", "sourceIp", "userAgent", "caller",
        "validationErrorString", "messageString", "$input", "$stageVariables", "querystring", "header",
      ] :
      !strcontains(aws_api_gateway_stage.live.access_log_settings[0].format, word)
    ])
    error_message = "Neither addresses nor claims nor order ids belong in the access log."
  }

  assert {
    condition = toset(flatten(regexall("\\$context\\.[A-Za-z.]+", aws_api_gateway_stage.live.access_log_settings[0].format))) == toset([
      "$context.requestId", "$context.httpMethod", "$context.resourcePath", "$context.status", "$context.responseLatency",
      "$context.error.responseType",
    ])
    error_message = "Whoever adds a field to the access log must know that it says nothing about who called."
  }

  assert {
    condition = alltrue([
      aws_api_gateway_stage.live.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access.arn,
      aws_cloudwatch_log_group.access.kms_key_id == aws_kms_key.class["logs"].arn,
      aws_cloudwatch_log_group.access.retention_in_days == var.log_retention_days,
    ])
    error_message = "The access log must be encrypted and expire."
  }
}

run "the_door_is_throttled_and_measured" {
  command = plan

  variables {
    throttle = { rate = 50, burst = 200 }
  }

  assert {
    condition = alltrue([
      aws_api_gateway_method_settings.all.method_path == "*/*",
      aws_api_gateway_method_settings.all.settings[0].throttling_rate_limit == 50,
      aws_api_gateway_method_settings.all.settings[0].throttling_burst_limit == 200,
      aws_api_gateway_method_settings.all.settings[0].metrics_enabled,
      !coalesce(aws_api_gateway_method_settings.all.settings[0].data_trace_enabled, false),
    ])
    error_message = "All methods must be throttled, and never log what they carry."
  }
}

run "the_door_begins_the_traces" {
  command = plan

  assert {
    condition     = aws_api_gateway_stage.live.xray_tracing_enabled
    error_message = "A request must be traced from the door on."
  }
}

run "tracing_can_be_switched_off_at_the_door" {
  command = plan

  variables {
    tracing = false
  }

  assert {
    condition     = !aws_api_gateway_stage.live.xray_tracing_enabled
    error_message = "Without tracing the door must begin no trace."
  }
}

run "api_gateway_can_write_its_logs" {
  command = plan

  assert {
    condition     = aws_api_gateway_account.logs[0].cloudwatch_role_arn == aws_iam_role.api_logs[0].arn
    error_message = "Without the role of the account API Gateway refuses the access log."
  }
}

run "another_installation_may_have_given_the_role" {
  command = plan

  variables {
    set_api_log_role = false
  }

  assert {
    condition     = length(aws_api_gateway_account.logs) == 0 && length(aws_iam_role.api_logs) == 0
    error_message = "A region of an account has one such role."
  }
}

run "customers_sign_in_without_sending_their_password" {
  command = plan

  assert {
    condition = toset(aws_cognito_user_pool_client.shop.explicit_auth_flows) == toset([
      "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH",
    ])
    error_message = "Passwords must not travel unless a profile says so."
  }

  assert {
    condition = alltrue([
      aws_cognito_user_pool_client.shop.prevent_user_existence_errors == "ENABLED",
      aws_cognito_user_pool_client.shop.enable_token_revocation,
      aws_cognito_user_pool.customers.password_policy[0].minimum_length >= 12,
      aws_cognito_user_pool.customers.deletion_protection == "ACTIVE",
    ])
    error_message = "The pool must not say who exists, must take tokens back, and must not be deleted by accident."
  }

  assert {
    condition = alltrue([
      aws_cognito_user_pool.customers.mfa_configuration == "OPTIONAL",
      aws_cognito_user_pool.customers.software_token_mfa_configuration[0].enabled,
      !aws_cognito_user_pool.customers.username_configuration[0].case_sensitive,
      aws_cognito_user_pool.customers.auto_verified_attributes == toset(["email"]),
      one(aws_cognito_user_pool.customers.account_recovery_setting[0].recovery_mechanism).name == "verified_email",
      aws_cognito_user_pool.customers.user_attribute_update_settings[0].attributes_require_verification_before_update == toset(["email"]),
    ])
    error_message = "Customers may have a second factor, and are known by an address that is proven and read in either case."
  }
}

run "test_customers_sign_in_with_their_password" {
  command = plan

  variables {
    password_sign_in = true
  }

  assert {
    condition = (
      contains(aws_cognito_user_pool_client.shop.explicit_auth_flows, "ALLOW_USER_PASSWORD_AUTH")
      && aws_cognito_user_pool.customers.deletion_protection == "ACTIVE"
    )
    error_message = "How customers sign in says nothing about whether they may be deleted."
  }
}

run "orders_turned_away_are_seen_in_a_storm_and_in_a_quiet_night" {
  command = plan

  assert {
    condition = alltrue([
      for topic in [aws_sns_topic.alarms, aws_sns_topic.tickets] : topic.kms_master_key_id == aws_kms_key.class["messaging"].arn
    ])
    error_message = "Both topics must be encrypted."
  }

  # 5XXError is 0 or 1 of each call, so that its average is the share.
  assert {
    condition = alltrue([
      for name in ["lakeside-api-failures", "lakeside-api-failures-slow"] :
      module.alarms.alarms[name].metrics.failures == {
        namespace = "AWS/ApiGateway", name = "5XXError", statistic = "Average", dimensions = tomap(local.door)
      }
    ])
    error_message = "The door's failures must be judged as a share of its calls."
  }

  assert {
    condition = (
      module.alarms.alarms["lakeside-api-failures"].topic_arn == aws_sns_topic.alarms.arn
      && module.alarms.alarms["lakeside-api-failures"].period_seconds == 60
      && module.alarms.alarms["lakeside-api-failures-slow"].topic_arn == aws_sns_topic.tickets.arn
      && module.alarms.alarms["lakeside-api-failures-slow"].period_seconds == 3600
      && module.alarms.alarms["lakeside-api-failures-slow"].threshold < module.alarms.alarms["lakeside-api-failures"].threshold
    )
    error_message = "A storm must wake somebody within minutes, and a few failures in a night must be there in the morning."
  }

  assert {
    condition = alltrue([
      for service in ["cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com"] :
      contains(local.key_services.messaging, service)
    ])
    error_message = "Who sends alarms and events must be able to encrypt them."
  }
}

run "personal_data_lies_in_one_table_under_a_key_of_its_own" {
  command = plan

  assert {
    condition = alltrue([
      one(aws_dynamodb_table.directory[0].server_side_encryption).enabled,
      one(aws_dynamodb_table.directory[0].server_side_encryption).kms_key_arn == "arn:aws:kms:eu-central-1:111122223333:key/directory",
      one(aws_dynamodb_table.directory[0].point_in_time_recovery).enabled,
      aws_dynamodb_table.directory[0].deletion_protection_enabled,
      !coalesce(aws_dynamodb_table.directory[0].stream_enabled, false),
    ])
    error_message = "The directory must be encrypted with its own key, recoverable, protected, and streamed nowhere."
  }

  assert {
    condition = (
      output.platform.directory.name == "lakeside-directory"
      && output.platform.directory.key_arn == "arn:aws:kms:eu-central-1:111122223333:key/directory"
      && !contains(keys(output.platform.keys), "directory")
    )
    error_message = "Squads must find the directory, and not take its key for another."
  }
}

run "a_throwaway_directory_can_be_deleted" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_dynamodb_table.directory[0].deletion_protection_enabled
    error_message = "The protection must be a setting."
  }
}

run "squads_find_the_contract" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/squads"
  }

  assert {
    condition = (
      aws_ssm_parameter.contract.name == "/lakeside/platform/v1"
      && jsondecode(aws_ssm_parameter.contract.value) == jsondecode(jsonencode(output.platform))
    )
    error_message = "The contract must be published where the squads look for it."
  }

  assert {
    condition = toset(keys(output.platform)) == toset([
      "account_id", "alarm_topic_arn", "api", "buses", "directory", "keys", "network",
      "permissions_boundary_arn", "prefix", "region", "regions", "repository_url", "ticket_topic_arn", "user_pool",
    ])
    error_message = "What was published once must stay: this is version 1."
  }

  assert {
    condition = jsonencode(output.platform.keys) == jsonencode({
      for class in ["data", "logs", "messaging", "secrets"] : class => "arn:aws:kms:eu-central-1:111122223333:key/${class}"
    })
    error_message = "Each class of data must have a key of its own."
  }

  assert {
    condition = alltrue([
      for domain, bus in output.platform.buses :
      (
        bus.name == "lakeside-${domain}"
        && bus.arn == "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-${domain}"
      )
    ])
    error_message = "Each bus must be found by its domain."
  }

  assert {
    condition     = output.platform.permissions_boundary_arn == var.permissions_boundary_arn
    error_message = "The squads must be able to bound their roles."
  }
}
