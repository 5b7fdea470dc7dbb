mock_provider "aws" {
  source = "../testing"

  override_resource {
    target = aws_kms_key.class["logs"]
    values = {
      arn = "arn:aws:kms:eu-central-1:111122223333:key/logs"
    }
  }

  override_resource {
    target = aws_wafv2_web_acl.door
    values = {
      arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/lakeside-api/1"
    }
  }
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"

  override_resource {
    target = aws_wafv2_web_acl.edge
    values = {
      arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/lakeside-edge/1"
    }
  }
}

variables {
  environment = "test"
  edge        = { legacy = { domain_name = "legacy.example.com" } }

  # Of the token `TMItuWLuB5_lkGUHB5j8f2Yf6K9qtM2_13I00005929`, and one more.
  edge_token_digests = ["58627c484d306426255f654d38293f54", "2f22796246247b3f7e5c6e735a3a2f6e"]
}

run "an_id_that_is_no_uuid_is_refused_at_the_edge" {
  command = plan

  # The path as it is written; what is left of it once it is decoded and made plain, where that differs.
  assert {
    condition = alltrue([
      for path, is_refused in {
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f"                                 = false
        "/orders/EDC9E9AC-0B5B-4C34-8A3C-6EED70D6F66F"                                 = false
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f/cancellation"                    = false
        "/partner/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f"                         = false
        "/partner/sales/9ddbd9ef-b59a-4416-b551-18050032c3ae"                          = false
        "/orders"                                                                      = false
        "/orders/"                                                                     = false
        "/partner"                                                                     = false
        "/partner/orders"                                                              = false
        "/stock/TENT-2P"                                                               = false
        "/stores/store-denver/stock"                                                   = false
        "/catalogue/orders/tents"                                                      = false
        "/ordersheet/tents"                                                            = false
        "/"                                                                            = false
        "/orders/1"                                                                    = true
        "/orders/not-a-uuid"                                                           = true
        "/orders/edc9e9ac0b5b4c348a3c6eed70d6f66f"                                     = true
        "/orders/{edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f}"                               = true
        "/orders/urn:uuid:edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f"                        = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66g"                                 = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66"                                  = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66ff"                                = true
        "/orders/ edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f"                                = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f\n"                               = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f\u0000"                           = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f%0A"                              = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f%22%2C%22status%22%3A%22PAID"     = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f&MessageAttribute.3.Name=channel" = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f/refund"                          = true
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f/cancellation/now"                = true
        "/orders/${join("", [for letter in range(256) : "a"])}"                        = true
        "/partner/orders/1"                                                            = true
        "/partner/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f/cancellation"            = true
        "/partner/sales/{\"id\":1}"                                                    = true
        "/partner/sales/..%2F..%2Forders"                                              = true
      } : (can(regex(local.identified_paths_pattern, path)) && !can(regex(local.proper_ids_pattern, path))) == is_refused
    ])
    error_message = "Only the hyphenated form of a UUID is an id, in either case, and a list has none."
  }

  assert {
    condition = alltrue([
      for written, plain in {
        "/%6Frders/1"                                                 = "/orders/1"
        "//orders/1"                                                  = "/orders/1"
        "/catalogue/../orders/1"                                      = "/orders/1"
        "/catalogue/..%2Forders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f" = "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f"
        "/orders/%65dc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f"              = "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f"
        "/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f/../1"           = "/orders/1"
      } : can(regex(local.identified_paths_pattern, plain)) && !can(regex(local.proper_ids_pattern, written))
    ])
    error_message = "A path that is written in another way than clients write it must not slip past."
  }

  assert {
    condition = alltrue([
      for rule in aws_wafv2_web_acl.edge[0].rule : alltrue([
        rule.priority == 0,
        rule.action[0].block[0].custom_response[0].response_code == 400,
        rule.statement[0].and_statement[0].statement[0].regex_match_statement[0].regex_string == local.identified_paths_pattern,
        [
          for step in rule.statement[0].and_statement[0].statement[0].regex_match_statement[0].text_transformation :
          "${step.priority} ${step.type}"
        ] == ["0 URL_DECODE", "1 NORMALIZE_PATH"],
        rule.statement[0].and_statement[0].statement[1].not_statement[0].statement[0].regex_match_statement[0].regex_string == local.proper_ids_pattern,
        [
          for step in rule.statement[0].and_statement[0].statement[1].not_statement[0].statement[0].regex_match_statement[0].text_transformation :
          step.type
        ] == ["NONE"],
      ]) if rule.name == "ids-are-uuids"
    ]) && contains(aws_wafv2_web_acl.edge[0].rule[*].name, "ids-are-uuids")
    error_message = "The rule must say what the table above was tried with, and come first."
  }

  assert {
    condition     = max(length(local.identified_paths_pattern), length(local.proper_ids_pattern)) <= 200
    error_message = "AWS WAF takes patterns of up to 200 characters in a regular expression."
  }
}

run "the_edge_stands_behind_its_firewall" {
  assert {
    condition = alltrue([
      aws_cloudfront_distribution.edge[0].web_acl_id == aws_wafv2_web_acl.edge[0].arn,
      aws_wafv2_web_acl.edge[0].scope == "CLOUDFRONT",
      length(aws_wafv2_web_acl.edge[0].default_action[0].allow) == 1,
    ])
    error_message = "Customers come in unless a rule knows better."
  }

  assert {
    condition = {
      for rule in aws_wafv2_web_acl.edge[0].rule : rule.name => {
        limit    = rule.statement[0].rate_based_statement[0].limit
        by       = rule.statement[0].rate_based_statement[0].aggregate_key_type
        seconds  = rule.statement[0].rate_based_statement[0].evaluation_window_sec
        answer   = rule.action[0].block[0].custom_response[0].response_code
        partners = length(rule.statement[0].rate_based_statement[0].scope_down_statement[0].byte_match_statement)
        others   = length(rule.statement[0].rate_based_statement[0].scope_down_statement[0].not_statement)
      } if startswith(rule.name, "rate-")
      } == {
      rate-partners = { limit = 20000, by = "IP", seconds = 300, answer = 429, partners = 1, others = 0 }
      rate-shop     = { limit = 2000, by = "IP", seconds = 300, answer = 429, partners = 0, others = 1 }
    }
    error_message = "No address may ask for more than a person or a partner does."
  }

  assert {
    condition = {
      for rule in aws_wafv2_web_acl.edge[0].rule : rule.name => [
        for override in rule.statement[0].managed_rule_group_statement[0].rule_action_override :
        override.name if length(override.action_to_use[0].count) == 1
      ] if length(flatten(rule.override_action[*].none)) == 1
      } == {
      AWSManagedRulesAmazonIpReputationList = []
      AWSManagedRulesCommonRuleSet          = ["NoUserAgent_HEADER", "SizeRestrictions_BODY"]
      AWSManagedRulesKnownBadInputsRuleSet  = []
    }
    error_message = "Groups of AWS must refuse, but for what honest machines do."
  }

  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.edge[0].rule : rule.priority])) == length(aws_wafv2_web_acl.edge[0].rule)
    error_message = "Each rule must have its place."
  }
}

run "the_door_refuses_what_did_not_come_through_the_edge" {
  command = plan

  assert {
    condition = alltrue([
      aws_wafv2_web_acl_association.door[0].resource_arn == aws_api_gateway_stage.live.arn,
      aws_wafv2_web_acl_association.door[0].web_acl_arn == aws_wafv2_web_acl.door[0].arn,
      aws_wafv2_web_acl.door[0].scope == "REGIONAL",
      aws_wafv2_web_acl.door[0].default_action[0].block[0].custom_response[0].response_code == 403,
      length(aws_wafv2_web_acl.door[0].default_action[0].allow) == 0,
    ])
    error_message = "Whoever calls the door under its own address, partner or customer, must be refused."
  }

  # Both tokens, so that none is refused while one takes the place of the other.
  assert {
    condition = {
      for rule in aws_wafv2_web_acl.door[0].rule : rule.name => {
        header = rule.statement[0].byte_match_statement[0].field_to_match[0].single_header[0].name
        bytes  = rule.statement[0].byte_match_statement[0].search_string
        where  = rule.statement[0].byte_match_statement[0].positional_constraint
        how    = [for step in rule.statement[0].byte_match_statement[0].text_transformation : step.type]
      } if length(rule.action[0].allow) == 1
      } == {
      edge-58627c48 = { header = "x-lakeside-edge", bytes = "Xb|HM0d&%_eM8)?T", where = "EXACTLY", how = ["MD5"] }
      edge-2f227962 = { header = "x-lakeside-edge", bytes = "/\"ybF$${?~\\nsZ:/n", where = "EXACTLY", how = ["MD5"] }
    } && length(aws_wafv2_web_acl.door[0].rule) == 2
    error_message = "The door must let in what has a token of one of the digests, and nothing else."
  }

  assert {
    condition     = md5("TMItuWLuB5_lkGUHB5j8f2Yf6K9qtM2_13I00005929") == var.edge_token_digests[0]
    error_message = "A digest must be what AWS WAF makes of the header."
  }
}

run "firewalls_keep_what_they_refused_and_not_what_is_secret" {
  command = plan

  assert {
    condition = alltrue([
      for logging in [aws_wafv2_web_acl_logging_configuration.edge[0], aws_wafv2_web_acl_logging_configuration.door[0]] : alltrue([
        toset(flatten([for field in logging.redacted_fields : [for header in field.single_header : header.name]])) == toset(["authorization", "cookie", "referer", "x-lakeside-edge"]),
        sum([for field in logging.redacted_fields : length(field.query_string)]) == 1,
        logging.logging_filter[0].default_behavior == "DROP",
        [
          for filter in logging.logging_filter[0].filter : [
            filter.behavior, [for condition in filter.condition : condition.action_condition[0].action],
          ]
        ] == [["KEEP", ["BLOCK"]]],
      ])
    ])
    error_message = "A firewall's log has addresses: only refusals belong in it, without credentials and without what was searched for."
  }

  assert {
    condition = alltrue([
      aws_wafv2_web_acl_logging_configuration.edge[0].log_destination_configs == toset([aws_cloudwatch_log_group.edge["firewall"].arn]),
      aws_wafv2_web_acl_logging_configuration.door[0].log_destination_configs == toset([aws_cloudwatch_log_group.door_firewall[0].arn]),
      startswith(aws_cloudwatch_log_group.edge["firewall"].name, "aws-waf-logs-"),
      startswith(aws_cloudwatch_log_group.door_firewall[0].name, "aws-waf-logs-"),
      aws_cloudwatch_log_group.door_firewall[0].kms_key_id == "arn:aws:kms:eu-central-1:111122223333:key/logs",
      aws_cloudwatch_log_group.door_firewall[0].retention_in_days == var.log_retention_days,
    ])
    error_message = "AWS WAF writes to groups of this name alone; they must be encrypted and expire."
  }

  assert {
    condition = alltrue(flatten([
      for acl in [aws_wafv2_web_acl.edge[0], aws_wafv2_web_acl.door[0]] : [
        !acl.visibility_config[0].sampled_requests_enabled,
        [for rule in acl.rule : !rule.visibility_config[0].sampled_requests_enabled && rule.visibility_config[0].cloudwatch_metrics_enabled],
      ]
    ]))
    error_message = "Samples show every header, and the token is one."
  }
}

run "on_the_way_to_an_edge_direct_calls_are_only_counted" {
  command = plan

  variables {
    refuse_direct_calls = false
  }

  assert {
    condition = alltrue([
      length(aws_wafv2_web_acl.door[0].default_action[0].block) == 0,
      length(aws_wafv2_web_acl.door[0].default_action[0].allow) == 1,
    ])
    error_message = "Whoever has not changed over yet must still be served."
  }
}

run "without_a_token_nobody_comes_in" {
  command = plan

  variables {
    edge_token_digests = []
    firewall_logs      = false
  }

  assert {
    condition = alltrue([
      length(aws_wafv2_web_acl.door[0].rule) == 0,
      length(aws_wafv2_web_acl.door[0].default_action[0].block) == 1,
      length(aws_wafv2_web_acl_association.door) == 1,
      length(aws_wafv2_web_acl_logging_configuration.door) == 0,
      length(aws_wafv2_web_acl_logging_configuration.edge) == 0,
    ])
    error_message = "An edge that nobody has given a token must not leave the door open."
  }
}

run "the_door_of_another_region_knows_the_same_edge" {
  command = plan

  variables {
    edge = null
  }

  assert {
    condition = alltrue([
      length(aws_cloudfront_distribution.edge) == 0,
      length(aws_wafv2_web_acl.door[0].rule) == 2,
      length(aws_wafv2_web_acl_association.door) == 1,
    ])
    error_message = "One Region has the edge, and the doors of all are behind it."
  }
}

run "of_two_regions_each_says_to_anybody_whether_it_works" {
  command = plan

  variables {
    second_region = { home = "eu-central-1", standby = "eu-west-1" }
  }

  assert {
    condition = [
      for rule in aws_wafv2_web_acl.door[0].rule : rule.statement[0].byte_match_statement[0].search_string
      if rule.name == "health"
      && length(rule.action[0].allow) == 1
      && rule.statement[0].byte_match_statement[0].positional_constraint == "EXACTLY"
      && length(rule.statement[0].byte_match_statement[0].field_to_match[0].uri_path) == 1
    ] == ["/health"]
    error_message = "Route 53 asks the Region itself, and has no token."
  }

  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.door[0].rule : rule.priority])) == length(aws_wafv2_web_acl.door[0].rule)
    error_message = "Each rule must have its place."
  }
}
