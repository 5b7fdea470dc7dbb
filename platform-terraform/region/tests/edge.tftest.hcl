mock_provider "aws" {
  source = "../testing"

  override_resource {
    target = aws_cloudfront_cache_policy.catalogue
    values = {
      id = "keeps-the-catalogue"
    }
  }

  override_resource {
    target = aws_cloudfront_response_headers_policy.edge["door"]
    values = {
      id = "door"
    }
  }

  override_resource {
    target = aws_cloudfront_response_headers_policy.edge["pages"]
    values = {
      id = "pages"
    }
  }

  override_resource {
    target = aws_cloudfront_response_headers_policy.edge["catalogue"]
    values = {
      id = "catalogue"
    }
  }
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"

  override_resource {
    target = aws_kms_key.edge_logs
    values = {
      arn = "arn:aws:kms:us-east-1:111122223333:key/edge-logs"
    }
  }

  override_resource {
    target = aws_wafv2_web_acl.edge
    values = {
      arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/lakeside-edge/1"
    }
  }
}

variables {
  environment = "test"
  edge = {
    legacy = { domain_name = "legacy.example.com", catalogue_paths = ["/catalogue/*", "/images/*"] }
  }
}

run "without_an_edge_nothing_of_it_is_made" {
  command = plan

  variables {
    edge = null
  }

  assert {
    condition = alltrue([
      length(aws_cloudfront_distribution.edge) == 0,
      length(aws_wafv2_web_acl.edge) == 0,
      length(aws_wafv2_web_acl.door) == 0,
      length(aws_wafv2_web_acl_association.door) == 0,
      length(aws_kms_key.edge_logs) == 0,
      output.edge == null,
    ])
    error_message = "A Region without an edge must not pay for one, and its door is reached directly."
  }
}

# Read from the files, so that a path which is added there and not here fails. A Region's health is not asked of the edge.
run "paths_of_the_door_go_to_the_door_and_all_others_to_the_monolith" {
  assert {
    condition = alltrue([
      for segment in flatten([
        for file in setsubtract(fileset(".", "api*.tf"), ["api_health.tf"]) :
        regexall("parent_id\\s*=\\s*aws_api_gateway_rest_api\\.door\\.root_resource_id\\s+path_part\\s*=\\s*\"([a-z-]+)\"", file(file))
      ]) :
      alltrue([
        for pattern in ["/${segment}", "/${segment}/*"] : contains([
          for behaviour in aws_cloudfront_distribution.edge[0].ordered_cache_behavior : behaviour.path_pattern
          if behaviour.target_origin_id == "door"
        ], pattern)
      ])
    ])
    error_message = "What begins with a segment of the door's must reach the door: add it to `api_segments`."
  }

  assert {
    condition = length(local.api_segments) == sum([
      for file in setsubtract(fileset(".", "api*.tf"), ["api_health.tf"]) : length(regexall("root_resource_id", file(file)))
      ]) && alltrue([
      for file in setsubtract(fileset(".", "api*.tf"), ["api_health.tf"]) :
      length(regexall("root_resource_id", file(file)))
      == length(regexall("parent_id\\s*=\\s*aws_api_gateway_rest_api\\.door\\.root_resource_id\\s+path_part\\s*=\\s*\"([a-z-]+)\"", file(file)))
    ])
    error_message = "This test finds the door's paths where `parent_id` is followed by `path_part` and a word: write them so, each once."
  }

  # The first pattern that fits decides, so none of the catalogue's may come before one of the door's.
  assert {
    condition = [
      for behaviour in aws_cloudfront_distribution.edge[0].ordered_cache_behavior : behaviour.target_origin_id
      ] == concat([for pattern in range(2 * length(local.api_segments)) : "door"],
      ["legacy", "legacy"],
    )
    error_message = "The door's paths must come first."
  }

  assert {
    condition = {
      for origin in aws_cloudfront_distribution.edge[0].origin : origin.origin_id => "${origin.domain_name}${origin.origin_path}"
      } == {
      door   = "abcdef1234.execute-api.eu-central-1.amazonaws.com/live"
      legacy = "legacy.example.com"
    }
    error_message = "The edge has two origins: the door's stage, and the monolith."
  }

  assert {
    condition = alltrue([
      aws_cloudfront_distribution.edge[0].default_cache_behavior[0].target_origin_id == "legacy",
      aws_cloudfront_distribution.edge[0].default_cache_behavior[0].origin_request_policy_id == local.managed_policies.all_viewer_except_host_headers,
      contains(aws_cloudfront_distribution.edge[0].default_cache_behavior[0].allowed_methods, "POST"),
      length(aws_cloudfront_distribution.edge[0].default_cache_behavior[0].function_association) == 0,
    ])
    error_message = "What has not moved yet must work as before."
  }
}

run "nothing_but_safe_gets_is_cached" {
  command = plan

  assert {
    condition = alltrue([
      for behaviour in concat(
        aws_cloudfront_distribution.edge[0].ordered_cache_behavior, aws_cloudfront_distribution.edge[0].default_cache_behavior,
      ) :
      behaviour.cached_methods == toset(["GET", "HEAD"])
    ])
    error_message = "Only what changes nothing may be answered from memory."
  }

  assert {
    condition = {
      for behaviour in aws_cloudfront_distribution.edge[0].ordered_cache_behavior : behaviour.path_pattern => behaviour.cache_policy_id
      } == merge(
      { for segment in ["orders", "partner", "stock", "stores"] : "/${segment}" => local.managed_policies.caching_disabled },
      { for segment in ["orders", "partner", "stock", "stores"] : "/${segment}/*" => local.managed_policies.caching_disabled },
      { "/catalogue/*" = "keeps-the-catalogue", "/images/*" = "keeps-the-catalogue" },
    )
    error_message = "The door answers for whoever asks, stock included: nobody else may be shown what it said."
  }

  assert {
    condition     = aws_cloudfront_distribution.edge[0].default_cache_behavior[0].cache_policy_id == local.managed_policies.caching_disabled
    error_message = "A page of the monolith may be somebody's own unless it is of the catalogue."
  }

  assert {
    condition = alltrue([
      for behaviour in aws_cloudfront_distribution.edge[0].ordered_cache_behavior :
      behaviour.allowed_methods == toset(["GET", "HEAD"]) && behaviour.origin_request_policy_id == null
      if behaviour.cache_policy_id == "keeps-the-catalogue"
    ])
    error_message = "The catalogue is only read, and nothing of the reader reaches the monolith."
  }

  assert {
    condition = alltrue([
      for parameters in aws_cloudfront_cache_policy.catalogue[0].parameters_in_cache_key_and_forwarded_to_origin : alltrue([
        parameters.cookies_config[0].cookie_behavior == "none",
        parameters.headers_config[0].header_behavior == "none",
        parameters.query_strings_config[0].query_string_behavior == "all",
      ])
    ]) && aws_cloudfront_cache_policy.catalogue[0].default_ttl == 0
    error_message = "What is kept must not depend on who asked, and is kept only if the monolith says so."
  }

  assert {
    condition = {
      for response in aws_cloudfront_distribution.edge[0].custom_error_response : response.error_code => response.error_caching_min_ttl
    } == { for code in [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504] : code => 0 }
    error_message = "Kept for ten seconds, one customer's 404 would be everybody's."
  }
}

run "the_door_gets_the_token_and_the_monolith_does_not" {
  command = plan

  assert {
    condition = alltrue([
      for behaviour in aws_cloudfront_distribution.edge[0].ordered_cache_behavior :
      length(behaviour.function_association) == (behaviour.target_origin_id == "door" ? 1 : 0)
    ])
    error_message = "The token is for the door's eyes alone."
  }

  assert {
    condition = alltrue([
      for behaviour in aws_cloudfront_distribution.edge[0].ordered_cache_behavior : alltrue([
        one(behaviour.function_association).event_type == "viewer-request",
        one(behaviour.function_association).function_arn == aws_cloudfront_function.edge_token[0].arn,
        behaviour.origin_request_policy_id == local.managed_policies.all_viewer_except_host_headers,
        behaviour.response_headers_policy_id == "door",
      ]) if behaviour.target_origin_id == "door"
    ])
    error_message = "The token is added before the request leaves, and must be passed on like what the client said."
  }

  assert {
    condition = alltrue([
      aws_cloudfront_function.edge_token[0].publish,
      aws_cloudfront_function.edge_token[0].key_value_store_associations == toset([aws_cloudfront_key_value_store.edge[0].arn]),
      strcontains(aws_cloudfront_function.edge_token[0].code, "request.headers['${local.edge_token_header}']"),
    ])
    error_message = "The function must set the header that the door looks at."
  }

  assert {
    condition = !anytrue([
      for prefix in ["x-amz-cf-", "x-edge-", "x-accel-", "proxy-"] : startswith(local.edge_token_header, prefix)
    ])
    error_message = "CloudFront refuses functions that set such a header."
  }
}

run "when_the_monolith_is_gone_the_door_answers_for_all" {
  command = plan

  variables {
    edge = {}
  }

  assert {
    condition = alltrue([
      toset(aws_cloudfront_distribution.edge[0].origin[*].origin_id) == toset(["door"]),
      aws_cloudfront_distribution.edge[0].default_cache_behavior[0].target_origin_id == "door",
      aws_cloudfront_distribution.edge[0].default_cache_behavior[0].cache_policy_id == local.managed_policies.caching_disabled,
      length(aws_cloudfront_distribution.edge[0].default_cache_behavior[0].function_association) == 1,
    ])
    error_message = "At the end of the migration one origin is left."
  }
}

run "nobody_listens_on_the_way" {
  command = plan

  variables {
    edge = {
      legacy = { domain_name = "legacy.example.com" }
      domain = { aliases = ["shop.example.com"], certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1" }
    }
  }

  assert {
    condition = alltrue([
      for origin in aws_cloudfront_distribution.edge[0].origin : alltrue([
        one(origin.custom_origin_config).origin_protocol_policy == "https-only",
        one(origin.custom_origin_config).origin_ssl_protocols == toset(["TLSv1.2"]),
      ])
    ])
    error_message = "Origins are reached over TLS alone."
  }

  assert {
    condition = alltrue([
      for behaviour in concat(
        aws_cloudfront_distribution.edge[0].ordered_cache_behavior, aws_cloudfront_distribution.edge[0].default_cache_behavior,
      ) :
      behaviour.viewer_protocol_policy == (behaviour.target_origin_id == "door" ? "https-only" : "redirect-to-https")
    ])
    error_message = "A token that was sent without TLS is lost already: the door must not answer with a redirection."
  }

  assert {
    condition = alltrue([
      aws_cloudfront_distribution.edge[0].aliases == toset(["shop.example.com"]),
      aws_cloudfront_distribution.edge[0].viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021",
      aws_cloudfront_distribution.edge[0].viewer_certificate[0].ssl_support_method == "sni-only",
      aws_cloudfront_distribution.edge[0].http_version == "http2and3",
    ])
    error_message = "Customers come by TLS 1.2 or newer, and by HTTP/3 if they can."
  }
}

run "browsers_are_told_to_be_careful" {
  command = plan

  assert {
    condition = alltrue([
      for policy in aws_cloudfront_response_headers_policy.edge : alltrue([
        policy.security_headers_config[0].strict_transport_security[0].access_control_max_age_sec == 31536000,
        policy.security_headers_config[0].strict_transport_security[0].override,
        policy.security_headers_config[0].content_type_options[0].override,
      ])
    ])
    error_message = "Every answer must say that it comes over TLS and is what it says it is."
  }

  assert {
    condition = alltrue([
      aws_cloudfront_response_headers_policy.edge["door"].security_headers_config[0].frame_options[0].frame_option == "DENY",
      strcontains(
        aws_cloudfront_response_headers_policy.edge["door"].security_headers_config[0].content_security_policy[0].content_security_policy,
        "default-src 'none'",
      ),
      length(aws_cloudfront_response_headers_policy.edge["pages"].security_headers_config[0].content_security_policy) == 0,
    ])
    error_message = "The door's answers are data; what a page may load, the monolith knows."
  }

  assert {
    condition = [
      for item in one(aws_cloudfront_response_headers_policy.edge["catalogue"].remove_headers_config).items : item.header
    ] == ["Set-Cookie"]
    error_message = "A cookie of a kept answer would be everybody's."
  }
}

run "the_edge_says_who_came_to_nobody" {
  command = plan

  assert {
    condition = length(setintersection(aws_cloudwatch_log_delivery.edge_access[0].record_fields, [
      "c-ip", "c-port", "c-country", "asn", "x-forwarded-for", "cs(Cookie)", "cs(User-Agent)", "cs(Referer)", "cs(Host)",
      "cs-uri-stem", "cs-uri-query", "x-host-header", "cs-headers", "cs-header-names", "viewer-ja3-fingerprint",
    ])) == 0
    error_message = "Neither addresses nor browsers, and no path that may hold an id, belong in the access log."
  }

  assert {
    condition = alltrue([
      for field in ["date", "time", "cs-method", "cache-behavior-path-pattern", "sc-status", "time-taken", "x-edge-request-id"] :
      contains(aws_cloudwatch_log_delivery.edge_access[0].record_fields, field)
    ])
    error_message = "The log must say what was asked for, what came of it, and how long it took."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_log_delivery_source.edge_access[0].resource_arn == aws_cloudfront_distribution.edge[0].arn,
      aws_cloudwatch_log_delivery_source.edge_access[0].log_type == "ACCESS_LOGS",
      length(aws_cloudfront_distribution.edge[0].logging_config) == 0,
    ])
    error_message = "The older way to log keeps every field."
  }

  assert {
    condition = alltrue([
      for group in aws_cloudwatch_log_group.edge :
      group.kms_key_id == "arn:aws:kms:us-east-1:111122223333:key/edge-logs" && group.retention_in_days == var.log_retention_days
    ])
    error_message = "Logs must be encrypted and expire."
  }

  assert {
    condition = jsonencode([
      for condition in one([
        for statement in data.aws_iam_policy_document.edge_logs_key[0].statement : statement if statement.sid == "LogsOfThisAccount"
      ]).condition : [condition.variable, condition.values]
    ]) == jsonencode([["kms:EncryptionContext:aws:logs:arn", ["arn:aws:logs:us-east-1:111122223333:log-group:*"]]])
    error_message = "CloudWatch Logs acts for everybody: the key policy must name the account."
  }
}

run "the_edge_finds_the_door_by_its_name_where_it_has_one" {
  command = plan

  variables {
    domain = { name = "shop.example", zone_id = "Z0123456789" }
  }

  assert {
    condition = [
      for origin in aws_cloudfront_distribution.edge[0].origin : "${origin.domain_name}${origin.origin_path}" if origin.origin_id == "door"
    ] == ["api.shop.example"]
    error_message = "The name leads to the Region that works, and the address that AWS gives a door is closed then."
  }
}
