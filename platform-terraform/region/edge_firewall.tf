# What the edge refuses before anything of ours has seen it.
locals {
  # As `order-ingest` reads ids: the hyphenated form, in either case.
  uuid_pattern = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

  # Where the door's paths have the id of an order or a sale, however the path is written; and what it may be there, as it is
  # written. A list of orders has no id and is neither.
  identified_paths_pattern = "^/(orders|partner/orders|partner/sales)/."
  proper_ids_pattern       = "^/(orders/${local.uuid_pattern}(/cancellation)?|partner/(orders|sales)/${local.uuid_pattern})$"

  # Partners are counted by their plans; here only what no plan allows is refused.
  edge_rates = var.edge == null ? {} : {
    partners = { priority = 1, limit = var.edge.rate_limits.partners, is_partner = true }
    shop     = { priority = 2, limit = var.edge.rate_limits.shop, is_partner = false }
  }

  # Neither credentials nor what people search for.
  firewall_redacted_headers = ["authorization", "cookie", "referer", local.edge_token_header]
}

resource "aws_wafv2_web_acl" "edge" {
  provider = aws.us_east_1
  count    = var.edge == null ? 0 : 1

  name        = "${var.prefix}-edge"
  description = "What the edge refuses."
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  custom_response_body {
    key          = "no-uuid"
    content_type = "APPLICATION_JSON"
    content      = jsonencode({ message = "the id in the path must be a UUID" })
  }

  custom_response_body {
    key          = "too-many"
    content_type = "APPLICATION_JSON"
    content      = jsonencode({ message = "too many requests, try again in five minutes" })
  }

  rule {
    name     = "ids-are-uuids"
    priority = 0

    action {
      block {
        custom_response {
          response_code            = 400
          custom_response_body_key = "no-uuid"
        }
      }
    }

    statement {
      and_statement {
        statement {
          regex_match_statement {
            regex_string = local.identified_paths_pattern

            field_to_match {
              uri_path {}
            }

            text_transformation {
              priority = 0
              type     = "URL_DECODE"
            }

            text_transformation {
              priority = 1
              type     = "NORMALIZE_PATH"
            }
          }
        }

        statement {
          not_statement {
            statement {
              regex_match_statement {
                regex_string = local.proper_ids_pattern

                field_to_match {
                  uri_path {}
                }

                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "ids-are-uuids"
      sampled_requests_enabled   = false
    }
  }

  dynamic "rule" {
    for_each = local.edge_rates

    content {
      name     = "rate-${rule.key}"
      priority = rule.value.priority

      action {
        block {
          custom_response {
            response_code            = 429
            custom_response_body_key = "too-many"
          }
        }
      }

      statement {
        rate_based_statement {
          aggregate_key_type    = "IP"
          evaluation_window_sec = 300
          limit                 = rule.value.limit

          scope_down_statement {
            dynamic "byte_match_statement" {
              for_each = rule.value.is_partner ? ["/partner/"] : []

              content {
                positional_constraint = "STARTS_WITH"
                search_string         = byte_match_statement.value

                field_to_match {
                  uri_path {}
                }

                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }

            dynamic "not_statement" {
              for_each = rule.value.is_partner ? [] : ["/partner/"]

              content {
                statement {
                  byte_match_statement {
                    positional_constraint = "STARTS_WITH"
                    search_string         = not_statement.value

                    field_to_match {
                      uri_path {}
                    }

                    text_transformation {
                      priority = 0
                      type     = "NONE"
                    }
                  }
                }
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "rate-${rule.key}"
        sampled_requests_enabled   = false
      }
    }
  }

  dynamic "rule" {
    for_each = var.edge.rule_groups

    content {
      name     = rule.key
      priority = 10 + index(sort(keys(var.edge.rule_groups)), rule.key)

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key

          dynamic "rule_action_override" {
            for_each = rule.value

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.key
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.prefix}-edge"
    sampled_requests_enabled   = false
  }
}

# A firewall cannot leave out the address it refused. So what is let through is not kept at all.
resource "aws_wafv2_web_acl_logging_configuration" "edge" {
  provider = aws.us_east_1
  count    = var.edge != null && var.firewall_logs ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.edge[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.edge["firewall"].arn]

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

  depends_on = [aws_cloudwatch_log_resource_policy.edge]
}
