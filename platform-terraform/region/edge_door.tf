# The door's own firewall: what did not come through the edge is refused, for anybody can call an API under its own address.
# It knows the edge by a token, and the token by its digest: whoever reads the rule, this state or a log of its changes
# cannot say what it is the digest of.
locals {
  door_is_behind_edge = var.edge != null || length(var.edge_token_digests) > 0

  # AWS WAF compares bytes, and Terraform has no other strings than text: so digests are printable.
  edge_tokens = {
    for position, digest in var.edge_token_digests : digest => {
      priority = position
      bytes    = jsondecode("\"${replace(digest, "/../", "\\u00$0")}\"")
    }
  }
}

resource "aws_wafv2_web_acl" "door" {
  count = local.door_is_behind_edge ? 1 : 0

  name        = "${var.prefix}-api"
  description = "Lets in what came through the edge."
  scope       = "REGIONAL"

  default_action {
    dynamic "block" {
      for_each = var.refuse_direct_calls ? [403] : []

      content {
        custom_response {
          response_code            = block.value
          custom_response_body_key = "direct-call"
        }
      }
    }

    dynamic "allow" {
      for_each = var.refuse_direct_calls ? [] : [true]

      content {}
    }
  }

  custom_response_body {
    key          = "direct-call"
    content_type = "APPLICATION_JSON"
    content      = jsonencode({ message = "not here: call the shop's own address" })
  }

  # One rule for each token, so that its metric tells whether the token is still in use.
  dynamic "rule" {
    for_each = local.edge_tokens

    content {
      name     = "edge-${substr(rule.key, 0, 8)}"
      priority = rule.value.priority

      action {
        allow {}
      }

      statement {
        byte_match_statement {
          positional_constraint = "EXACTLY"
          search_string         = rule.value.bytes

          field_to_match {
            single_header {
              name = local.edge_token_header
            }
          }

          text_transformation {
            priority = 0
            type     = "MD5"
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "edge-${substr(rule.key, 0, 8)}"
        sampled_requests_enabled   = false
      }
    }
  }

  # Whether a Region works is asked of itself, not of the edge.
  dynamic "rule" {
    for_each = local.peers

    content {
      name     = "health"
      priority = length(local.edge_tokens)

      action {
        allow {}
      }

      statement {
        byte_match_statement {
          positional_constraint = "EXACTLY"
          search_string         = "/health"

          field_to_match {
            uri_path {}
          }

          text_transformation {
            priority = 0
            type     = "NONE"
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.prefix}-api-health"
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.prefix}-api"
    # Samples show headers, and the token is one.
    sampled_requests_enabled = false
  }
}

resource "aws_wafv2_web_acl_association" "door" {
  count = local.door_is_behind_edge ? 1 : 0

  resource_arn = aws_api_gateway_stage.live.arn
  web_acl_arn  = aws_wafv2_web_acl.door[0].arn
}

resource "aws_cloudwatch_log_group" "door_firewall" {
  count = local.door_is_behind_edge && var.firewall_logs ? 1 : 0

  name              = "aws-waf-logs-${var.prefix}-api"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.class["logs"].arn
}

data "aws_iam_policy_document" "door_firewall_logs" {
  count = local.door_is_behind_edge && var.firewall_logs ? 1 : 0

  statement {
    sid       = "WriteWhatTheFirewallSays"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.door_firewall[0].arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:logs:${local.region}:${local.account_id}:*"]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "door_firewall" {
  count = local.door_is_behind_edge && var.firewall_logs ? 1 : 0

  policy_name     = "${var.prefix}-api-firewall"
  policy_document = data.aws_iam_policy_document.door_firewall_logs[0].json
}

resource "aws_wafv2_web_acl_logging_configuration" "door" {
  count = local.door_is_behind_edge && var.firewall_logs ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.door[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.door_firewall[0].arn]

  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }
    }
  }

  redacted_fields {
    query_string {}
  }

  dynamic "redacted_fields" {
    for_each = local.firewall_redacted_headers

    content {
      single_header {
        name = redacted_fields.value
      }
    }
  }

  depends_on = [aws_cloudwatch_log_resource_policy.door_firewall]
}
