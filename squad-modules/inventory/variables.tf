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
    error_message = "Timeouts are by function, such as `reserve_stock`."
  }
}

variable "provisioned_concurrency" {
  description = "Environments that are kept warm, by function: only of those whose answer a customer waits for."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.provisioned_concurrency), ["stock_query"])) == 0
    error_message = "Only `stock_query` is kept warm: nobody waits for the others."
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

variable "reservation_hold_seconds" {
  description = "How long stock is held for an order that neither sells nor gives it back. Longer than the saga may take: approval and payment together."
  type        = number
  default     = 14400
  nullable    = false

  validation {
    condition     = var.reservation_hold_seconds >= 60 && var.reservation_hold_seconds <= 604800
    error_message = "Stock is held from a minute to a week."
  }
}

variable "level_window_seconds" {
  description = "How long changes of stock are gathered before the new levels are told."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.level_window_seconds >= 0 && var.level_window_seconds <= 60
    error_message = "Changes of stock are gathered for a minute at most."
  }
}

variable "sweep_grace_seconds" {
  description = "How long after its end a hold is left alone before its units go back on sale."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.sweep_grace_seconds >= 0 && var.sweep_grace_seconds <= 604800
    error_message = "The grace after a hold is from nothing to a week."
  }
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
    error_message = "The network is for functions by name, such as `stock_query`."
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
    condition     = length(setsubtract(keys(var.table_capacity), ["inventory", "store-stock"])) == 0
    error_message = "Capacity is by table, such as `inventory`."
  }
}
