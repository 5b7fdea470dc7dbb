# What stands before the door, and whether the door can be reached without it.
variable "edge" {
  description = "CloudFront and its firewall before the door. One Region of an installation has them; null where the door is reached directly."
  type = object({
    # The monolith that is being replaced: whatever is no path of the door is its business. Null once it is gone.
    legacy = optional(object({
      domain_name = string
      # What everybody sees alike. Neither cookies nor credentials reach the monolith there, so its answers may be cached.
      catalogue_paths = optional(set(string), [])
    }))
    # Without a name of its own the distribution has CloudFront's certificate, which admits TLS 1.0.
    domain      = optional(object({ aliases = set(string), certificate_arn = string }))
    price_class = optional(string, "PriceClass_100")
    # Requests of one address in five minutes.
    rate_limits = optional(object({ shop = optional(number, 2000), partners = optional(number, 20000) }), {})
    # Rule groups that AWS keeps, and which of their rules only count: machines of partners name no user agent, and what is
    # uploaded to the monolith is larger than an order.
    rule_groups = optional(map(set(string)), {
      AWSManagedRulesAmazonIpReputationList = []
      AWSManagedRulesCommonRuleSet          = ["NoUserAgent_HEADER", "SizeRestrictions_BODY"]
      AWSManagedRulesKnownBadInputsRuleSet  = []
    })
  })
  default = null

  validation {
    condition = alltrue([
      for name in concat(try([var.edge.legacy.domain_name], []), try(tolist(var.edge.domain.aliases), [])) :
      can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", name))
    ])
    error_message = "The monolith and the aliases must be domain names in lower case, without a scheme, a port or a path."
  }

  validation {
    condition     = alltrue([for path in try(var.edge.legacy.catalogue_paths, []) : can(regex("^/[A-Za-z0-9._~/*-]+$", path))])
    error_message = "A catalogue's path must begin with a slash and name more than everything."
  }

  validation {
    condition     = try(var.edge.domain, null) == null ? true : length(var.edge.domain.aliases) > 0 && can(regex("^arn:aws:acm:us-east-1:[0-9]{12}:certificate/", var.edge.domain.certificate_arn))
    error_message = "A domain must have an alias and a certificate of ACM in us-east-1, where CloudFront looks for it."
  }

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], try(var.edge.price_class, "PriceClass_100"))
    error_message = "CloudFront knows PriceClass_100, PriceClass_200 and PriceClass_All."
  }

  validation {
    condition     = try(var.edge.rate_limits.shop, 10) >= 10
    error_message = "AWS WAF counts requests of an address from 10 in five minutes on."
  }

  validation {
    condition     = alltrue([for plan in values(var.partner_plans) : try(var.edge.rate_limits.partners, plan.rate * 300) >= plan.rate * 300])
    error_message = "The limit for partners must let through what the largest of `partner_plans` does: 300 times its rate."
  }

  validation {
    condition     = alltrue([for group in keys(try(var.edge.rule_groups, {})) : can(regex("^AWSManagedRules[A-Za-z]+$", group))])
    error_message = "Rule groups must be ones that AWS keeps: their names begin with AWSManagedRules."
  }
}

variable "edge_token_digests" {
  description = "MD5 of the tokens by which the door knows the edge, in hexadecimal: one, or two while one takes the place of the other. Not secret. With an edge and without any, nobody comes in."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.edge_token_digests) <= 2 && length(distinct(var.edge_token_digests)) == length(var.edge_token_digests)
    error_message = "There is one token, or two different ones while it is changed."
  }

  validation {
    condition     = alltrue([for digest in var.edge_token_digests : can(regex("^(2[1-9a-f]|[3-6][0-9a-f]|7[0-9a-e]){16}$", digest))])
    error_message = "A digest must be 16 printable characters of ASCII, written as 32 lower-case hexadecimal digits: make the token as the runbook edge-token says."
  }
}

variable "refuse_direct_calls" {
  description = "Whether the door refuses what did not come through the edge, or only counts it, as on the way to an edge."
  type        = bool
  default     = true
  nullable    = false
}

variable "firewall_logs" {
  description = "Whether the firewalls log what they refuse."
  type        = bool
  default     = true
  nullable    = false
}
