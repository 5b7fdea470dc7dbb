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
    error_message = "Timeouts are by function, such as `capture_payment`."
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

variable "payment_maximum_concurrency" {
  description = "Invocations that talk to the payment processor at the same time at most, captures and refunds each: what it lets in a second, times the seconds it takes to answer."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.payment_maximum_concurrency >= 2 && var.payment_maximum_concurrency <= 1000
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

variable "payment_processor_url" {
  description = "Base URL of the payment processor."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(https://[a-z0-9]|http://127\\.0\\.0\\.1:[0-9])", var.payment_processor_url))
    error_message = "The payment processor must be reached by https, or on this machine."
  }
}

variable "carrier_url" {
  description = "Base URL of the carrier."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(https://[a-z0-9]|http://127\\.0\\.0\\.1:[0-9])", var.carrier_url))
    error_message = "The carrier must be reached by https, or on this machine."
  }
}

variable "approval_threshold_minor" {
  description = "Orders above this total, in minor units, wait for a person before they are paid."
  type        = number
  default     = 200000
  nullable    = false

  validation {
    condition     = var.approval_threshold_minor >= 1 && floor(var.approval_threshold_minor) == var.approval_threshold_minor
    error_message = "The approval threshold is a positive whole number of minor units."
  }
}

variable "approval_timeout_seconds" {
  description = "How long an order waits for a person before it is given up."
  type        = number
  default     = 7200
  nullable    = false

  validation {
    condition     = var.approval_timeout_seconds >= 5 && var.approval_timeout_seconds <= 86400
    error_message = "An approval is awaited from 5 seconds to a day."
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
    error_message = "The network is for functions by name, such as `start_fulfilment`."
  }

  validation {
    condition     = length(setintersection(var.network_functions, ["capture_payment", "create_label", "refund_payment", "rotate_processor_key", "void_label"])) == 0
    error_message = "From within the network there is no way to the payment processor and the carrier."
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
    condition     = length(setsubtract(keys(var.table_capacity), ["fulfilment"])) == 0
    error_message = "Capacity is by table, such as `fulfilment`."
  }
}

variable "processor_key_rotation_days" {
  description = "Days after which the payment processor's key is replaced; 0 where Secrets Manager cannot call a function, or people rotate."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.processor_key_rotation_days >= 0 && var.processor_key_rotation_days <= 365 && floor(var.processor_key_rotation_days) == var.processor_key_rotation_days
    error_message = "The processor's key is replaced after 1 to 365 whole days, or by people (0)."
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

variable "payments_not_let_in" {
  description = "Attempts in five minutes at which the payment processor does not take our key, above which a person looks."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.payments_not_let_in >= 0
    error_message = "The number of attempts that are not let in cannot be negative."
  }
}

variable "fulfilment_seconds" {
  description = "The objective: within which time nine of ten orders are fulfilled."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.fulfilment_seconds >= 1
    error_message = "An order takes a second at least."
  }
}
