variable "prefix" {
  description = "Prefix of the platform to build on."
  type        = string
  default     = "lakeside"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.prefix))
    error_message = "The prefix must be 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "environment" {
  description = "Value of the cost allocation tag `lakeside:environment`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}$", var.environment))
    error_message = "The environment must be 2 to 32 lower-case letters, digits and hyphens."
  }
}

variable "artifacts_dir" {
  description = "Where the functions' packages are: one <function>.zip each, with a `bootstrap` inside."
  type        = string
  nullable    = false
}

variable "architecture" {
  description = "Instruction set of the packages."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture must be arm64 or x86_64."
  }
}

variable "outbox_transport" {
  description = "How events get from the table's stream to the bus: `pipe`, or `stream` where Pipes cannot run."
  type        = string
  default     = "pipe"
  nullable    = false

  validation {
    condition     = contains(["pipe", "stream"], var.outbox_transport)
    error_message = "The outbox transport must be pipe or stream."
  }
}

variable "function_timeout_seconds" {
  description = "Timeouts by function, where the default does not fit. A queue hides messages six times as long."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for timeout in values(var.function_timeout_seconds) : timeout >= 1 && timeout <= 120])
    error_message = "A function's timeout must be from 1 to 120 seconds."
  }

  validation {
    condition     = length(setsubtract(keys(var.function_timeout_seconds), keys(local.functions))) == 0
    error_message = "Timeouts are by function, such as `notify_customer`."
  }
}

variable "maximum_concurrency" {
  description = "Invocations of one consumer at the same time at most."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "The maximum concurrency of a mapping is from 2 to 1000."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 180 or 365 days."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces invocations."
  type        = bool
  default     = true
  nullable    = false
}

variable "dashboards" {
  description = "Whether there is a dashboard."
  type        = bool
  default     = true
  nullable    = false
}

variable "otlp" {
  description = "Where functions send spans by OTLP, and the layers with the extension that listens there; null is nowhere."
  type        = object({ endpoint = string, layer_arns = optional(list(string), []) })
  default     = null
}

variable "deletion_protection" {
  description = "Whether tables can be deleted only after this was switched off."
  type        = bool
  default     = true
  nullable    = false
}

variable "function_role_auditors" {
  description = "Principals that may assume the functions' roles, to prove what these may not do. Empty outside of tests."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.function_role_auditors : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|role/[^*?]+|user/[^*?]+)$", arn))
    ])
    error_message = "An auditor of function roles must be one account, role or user, by its ARN."
  }
}

variable "loyalty_minor_per_point" {
  description = "Minor units of an order's total that earn one point."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.loyalty_minor_per_point >= 1 && floor(var.loyalty_minor_per_point) == var.loyalty_minor_per_point
    error_message = "A point is earned by a positive whole number of minor units."
  }
}

variable "loyalty_currency" {
  description = "Currency of the orders that earn points."
  type        = string
  default     = "USD"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Z]{3}$", var.loyalty_currency))
    error_message = "The currency must be three capital letters, as ISO 4217 has them."
  }
}

variable "sender_address" {
  description = "Mail address from which customers are told of their orders, in a domain of ours."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._+-]+@[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.sender_address))
    error_message = "The sender must be a mail address."
  }
}

variable "doubtful_messages" {
  description = "Messages in five minutes of which nobody knows whether they arrived, or that could not be delivered, above which a person looks."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.doubtful_messages >= 0
    error_message = "The number of doubtful messages cannot be negative."
  }
}

variable "marketplaces" {
  description = "Marketplaces on which our goods are listed, by name: the base URL of each. Its credential goes into the secret that is made for it."
  type        = map(object({ url = string }))
  nullable    = false

  validation {
    condition     = length(var.marketplaces) > 0 && alltrue([for name in keys(var.marketplaces) : can(regex("^[a-z][a-z0-9-]{0,23}$", name))])
    error_message = "A marketplace's name must be 1 to 24 lower-case letters, digits and hyphens, beginning with a letter, and there must be one."
  }

  validation {
    condition     = alltrue([for marketplace in values(var.marketplaces) : can(regex("^(https://[a-z0-9]|http://127\\.0\\.0\\.1:[0-9])", marketplace.url))])
    error_message = "A marketplace must be reached by https, or on this machine."
  }
}

variable "secret_recovery_window_days" {
  description = "Days for which a deleted secret can be brought back; 0 for none, where its name must be free at once."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.secret_recovery_window_days == 0 || (var.secret_recovery_window_days >= 7 && var.secret_recovery_window_days <= 30)
    error_message = "Secrets Manager keeps a deleted secret for 7 to 30 days, or not at all."
  }
}

variable "levels_not_shown" {
  description = "Levels in five minutes that a marketplace refused, or for which it did not let us in, above which a person looks."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.levels_not_shown >= 0
    error_message = "The number of levels that are not shown cannot be negative."
  }
}

variable "low_stock_units" {
  description = "Units of a SKU that may still be promised at which buyers are told, and below."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.low_stock_units >= 0 && var.low_stock_units <= 1000000 && floor(var.low_stock_units) == var.low_stock_units
    error_message = "Stock is low from no unit to a million, in whole units."
  }
}

variable "low_stock_subscriptions" {
  description = "Who is told of low stock, by a name of their own: a mail address (of a role rather than of a person), and what they are not told of: SKUs that begin with none of the prefixes, levels above the units."
  type = map(object({
    address      = string
    sku_prefixes = optional(list(string), [])
    units        = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for subscription in values(var.low_stock_subscriptions) :
      can(regex("^[A-Za-z0-9._+-]+@[a-z0-9-]+(\\.[a-z0-9-]+)+$", subscription.address))
    ])
    error_message = "Buyers are told by mail, at an address each."
  }

  validation {
    condition = alltrue(flatten([
      for subscription in values(var.low_stock_subscriptions) :
      [for prefix in subscription.sku_prefixes : can(regex("^[A-Z0-9][A-Z0-9-]*$", prefix))]
    ]))
    error_message = "A prefix of SKUs is of capital letters, digits and hyphens."
  }

  validation {
    condition = alltrue([
      for subscription in values(var.low_stock_subscriptions) :
      subscription.units == null || try(subscription.units >= 0 && subscription.units < var.low_stock_units, false)
    ])
    error_message = "A subscription's own threshold is below that of all."
  }
}

variable "analytics" {
  description = "Whether every event is kept in S3 for later questions."
  type        = bool
  default     = true
  nullable    = false
}

variable "analytics_buffer_seconds" {
  description = "How long a stream collects events before it writes them: what the newest answer is behind, against the number of objects."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.analytics_buffer_seconds >= 60 && var.analytics_buffer_seconds <= 900
    error_message = "A stream collects for one to fifteen minutes."
  }
}

variable "analytics_retention_days" {
  description = "Days for which events are kept in S3."
  type        = number
  default     = 1095
  nullable    = false

  validation {
    condition     = var.analytics_retention_days >= 181 && var.analytics_retention_days <= 3650
    error_message = "Events are kept for 181 days, of which the last storage class bills 90, to ten years."
  }
}

variable "analytics_first_day" {
  description = "The first day that may be asked for."
  type        = string
  default     = "2026-01-01"
  nullable    = false

  validation {
    condition     = can(regex("^20[0-9]{2}-[01][0-9]-[0-3][0-9]$", var.analytics_first_day))
    error_message = "A day is written as 2026-01-01."
  }
}

variable "analytics_plain_http" {
  description = "Whether the bucket may be read without TLS. On machines without it, such as the local cloud."
  type        = bool
  default     = false
  nullable    = false
}

variable "canary" {
  description = "How CodeDeploy shifts a function to a new version: `linear` or `canary`, percent and minutes of a step; null moves it at once."
  type        = object({ type = string, percent = number, interval_minutes = number })
  default     = null
}

variable "network_functions" {
  description = "Functions that run in the platform's private network, which has no way out of AWS."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.network_functions, keys(local.functions))) == 0
    error_message = "The network is for functions by name, such as `accrue_loyalty`."
  }

  validation {
    condition     = length(setintersection(var.network_functions, ["notify_customer", "publish_stock"])) == 0
    error_message = "From within the network there is no way to SES and the marketplaces."
  }
}

variable "table_capacity" {
  description = "Capacity that is bought ahead and scaled, by table; the others are paid by use."
  type = map(object({
    read               = object({ min = number, max = number })
    write              = object({ min = number, max = number })
    target_utilization = optional(number, 70)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.table_capacity), ["growth"])) == 0
    error_message = "Capacity is by table, such as `growth`."
  }
}
