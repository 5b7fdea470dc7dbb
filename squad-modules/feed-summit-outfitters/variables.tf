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

variable "reader" {
  description = "Who reads the feed: the marketplace's account, and a name that it proves with which shop it means. None until there is a contract with it."
  type        = object({ account_id = string, external_id = string })
  default     = null

  validation {
    condition     = var.reader == null || can(regex("^[0-9]{12}$", var.reader.account_id))
    error_message = "The marketplace is one account, of 12 digits."
  }

  validation {
    condition     = var.reader == null || can(regex("^[A-Za-z0-9-]{16,64}$", var.reader.external_id))
    error_message = "The external id is 16 to 64 letters, digits and hyphens, so that nobody guesses it."
  }
}

variable "canary" {
  description = "How CodeDeploy shifts a function to a new version: `linear` or `canary`, percent and minutes of a step; null moves it at once."
  type        = object({ type = string, percent = number, interval_minutes = number })
  default     = null
}
