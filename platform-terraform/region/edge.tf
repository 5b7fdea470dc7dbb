# What customers and partners reach first: paths of the door go to the door, all others to the monolith that it takes the
# place of, path by path.
locals {
  # Where the edge finds the door: under its name, which leads to the Region that works, if it has one.
  api_origin = local.door_name != null ? { domain_name = local.door_name, path = "" } : {
    domain_name = split("/", trimprefix(aws_api_gateway_stage.live.invoke_url, "https://"))[0]
    path        = "/${aws_api_gateway_stage.live.stage_name}"
  }

  # First segments of the door's paths. Each is the door's alone, whatever follows it.
  api_segments = [
    aws_api_gateway_resource.orders.path_part,
    aws_api_gateway_resource.partners.path_part,
    aws_api_gateway_resource.stock.path_part,
    aws_api_gateway_resource.stores.path_part,
  ]

  # Not `x-edge-…`: CloudFront lets no function set such a header.
  edge_token_header = "x-lakeside-edge"

  # What CloudFront keeps for ten seconds if nobody says otherwise. An order that is not there yet is there a moment later,
  # and what one customer may not see another may.
  edge_errors = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]

  # Answers are for whoever asked: nothing is kept of them, whatever they say.
  edge_behaviour = {
    door = {
      origin            = "door"
      methods           = toset(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])
      cache_policy      = "none"
      forwards_viewer   = true
      adds_token        = true
      response_policy   = "door"
      compresses_answer = false
    }
    pages = {
      origin            = "legacy"
      methods           = toset(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])
      cache_policy      = "none"
      forwards_viewer   = true
      adds_token        = false
      response_policy   = "pages"
      compresses_answer = false
    }
    catalogue = {
      origin            = "legacy"
      methods           = toset(["GET", "HEAD"])
      cache_policy      = "catalogue"
      forwards_viewer   = false
      adds_token        = false
      response_policy   = "catalogue"
      compresses_answer = true
    }
  }

  # In this order: the first pattern that fits decides.
  edge_paths = var.edge == null ? [] : concat(
    flatten([
      for segment in local.api_segments : [
        for pattern in ["/${segment}", "/${segment}/*"] : merge(local.edge_behaviour.door, { pattern = pattern })
      ]
    ]),
    [
      for pattern in sort(try(var.edge.legacy.catalogue_paths, [])) : merge(local.edge_behaviour.catalogue, { pattern = pattern })
    ],
  )
  edge_default = try(var.edge.legacy, null) == null ? local.edge_behaviour.door : local.edge_behaviour.pages

  edge_origins = merge(
    { door = local.api_origin },
    try(var.edge.legacy, null) == null ? {} : { legacy = { domain_name = var.edge.legacy.domain_name, path = "" } },
  )

  # Policies that AWS keeps, under the same id for everybody.
  managed_policies = {
    caching_disabled               = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    all_viewer_except_host_headers = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
  }

  edge_cache_policies = var.edge == null ? {} : {
    none      = local.managed_policies.caching_disabled
    catalogue = aws_cloudfront_cache_policy.catalogue[0].id
  }
}

# As long as the monolith says, and not at all where it says nothing. What is no part of the key does not reach the monolith
# either, so an answer cannot be somebody's own.
resource "aws_cloudfront_cache_policy" "catalogue" {
  count = var.edge == null ? 0 : 1

  name        = "${var.prefix}-catalogue"
  comment     = "What everybody sees alike."
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 86400

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

# What the monolith says of itself stands; of the door's answers the edge knows that they are data.
resource "aws_cloudfront_response_headers_policy" "edge" {
  for_each = var.edge == null ? {} : {
    door      = { override = true, frame = "DENY", referrer = "no-referrer", csp = ["default-src 'none'; frame-ancestors 'none'"], removed = [] }
    pages     = { override = false, frame = "SAMEORIGIN", referrer = "strict-origin-when-cross-origin", csp = [], removed = [] }
    catalogue = { override = false, frame = "SAMEORIGIN", referrer = "strict-origin-when-cross-origin", csp = [], removed = ["Set-Cookie"] }
  }

  name    = "${var.prefix}-${each.key}"
  comment = "Headers that browsers protect customers by."

  security_headers_config {
    content_type_options {
      override = true
    }

    frame_options {
      frame_option = each.value.frame
      override     = each.value.override
    }

    referrer_policy {
      referrer_policy = each.value.referrer
      override        = each.value.override
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }

    dynamic "content_security_policy" {
      for_each = each.value.csp

      content {
        content_security_policy = content_security_policy.value
        override                = true
      }
    }
  }

  # A cookie that a kept answer sets would be everybody's.
  dynamic "remove_headers_config" {
    for_each = length(each.value.removed) > 0 ? [each.value.removed] : []

    content {
      dynamic "items" {
        for_each = remove_headers_config.value

        content {
          header = items.value
        }
      }
    }
  }
}

# Terraform makes the store and never looks into it: its one key is the token.
resource "aws_cloudfront_key_value_store" "edge" {
  count = var.edge == null ? 0 : 1

  name    = "${var.prefix}-edge"
  comment = "The token by which the door knows the edge."
}

resource "aws_cloudfront_function" "edge_token" {
  count = var.edge == null ? 0 : 1

  name                         = "${var.prefix}-edge-token"
  comment                      = "Adds the token by which the door knows the edge."
  runtime                      = "cloudfront-js-2.0"
  publish                      = true
  code                         = file("${path.module}/edge_token.js")
  key_value_store_associations = [aws_cloudfront_key_value_store.edge[0].arn]
}

resource "aws_cloudfront_distribution" "edge" {
  count = var.edge == null ? 0 : 1

  enabled         = true
  comment         = "${var.prefix}: the door, and the monolith for all else."
  aliases         = try(var.edge.domain.aliases, [])
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = var.edge.price_class
  web_acl_id      = aws_wafv2_web_acl.edge[0].arn

  # It takes minutes until all of CloudFront knows, and nothing here depends on it.
  wait_for_deployment = false

  dynamic "origin" {
    for_each = local.edge_origins

    content {
      origin_id   = origin.key
      domain_name = origin.value.domain_name
      origin_path = origin.value.path

      custom_origin_config {
        http_port              = 80
        https_port             = 443
        origin_protocol_policy = "https-only"
        origin_ssl_protocols   = ["TLSv1.2"]
      }
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.edge_paths

    content {
      path_pattern               = ordered_cache_behavior.value.pattern
      target_origin_id           = ordered_cache_behavior.value.origin
      viewer_protocol_policy     = ordered_cache_behavior.value.origin == "door" ? "https-only" : "redirect-to-https"
      allowed_methods            = ordered_cache_behavior.value.methods
      cached_methods             = ["GET", "HEAD"]
      compress                   = ordered_cache_behavior.value.compresses_answer
      cache_policy_id            = local.edge_cache_policies[ordered_cache_behavior.value.cache_policy]
      origin_request_policy_id   = ordered_cache_behavior.value.forwards_viewer ? local.managed_policies.all_viewer_except_host_headers : null
      response_headers_policy_id = aws_cloudfront_response_headers_policy.edge[ordered_cache_behavior.value.response_policy].id

      dynamic "function_association" {
        for_each = ordered_cache_behavior.value.adds_token ? [aws_cloudfront_function.edge_token[0].arn] : []

        content {
          event_type   = "viewer-request"
          function_arn = function_association.value
        }
      }
    }
  }

  default_cache_behavior {
    target_origin_id           = local.edge_default.origin
    viewer_protocol_policy     = local.edge_default.origin == "door" ? "https-only" : "redirect-to-https"
    allowed_methods            = local.edge_default.methods
    cached_methods             = ["GET", "HEAD"]
    compress                   = local.edge_default.compresses_answer
    cache_policy_id            = local.edge_cache_policies[local.edge_default.cache_policy]
    origin_request_policy_id   = local.edge_default.forwards_viewer ? local.managed_policies.all_viewer_except_host_headers : null
    response_headers_policy_id = aws_cloudfront_response_headers_policy.edge[local.edge_default.response_policy].id

    dynamic "function_association" {
      for_each = local.edge_default.adds_token ? [aws_cloudfront_function.edge_token[0].arn] : []

      content {
        event_type   = "viewer-request"
        function_arn = function_association.value
      }
    }
  }

  dynamic "custom_error_response" {
    for_each = local.edge_errors

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  viewer_certificate {
    acm_certificate_arn            = try(var.edge.domain.certificate_arn, null)
    cloudfront_default_certificate = var.edge.domain == null
    minimum_protocol_version       = var.edge.domain == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method             = var.edge.domain == null ? null : "sni-only"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }
}
