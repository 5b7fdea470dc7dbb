variable "prefix" {
  description = "First part of every name, so that several installations fit one account."
  type        = string
  default     = "lakeside"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.prefix))
    error_message = "The prefix must be 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "environment" {
  description = "What squads call this account in their pipelines, and value of the cost allocation tag `lakeside:environment`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}$", var.environment))
    error_message = "The environment must be 2 to 32 lower-case letters, digits and hyphens."
  }
}

variable "regions" {
  description = "Regions in which squads' roles may do anything: the first one is where this root is applied."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Name every Region of the squads in full, such as `eu-central-1`."
  }
}

variable "github_repository" {
  description = "The repository whose workflows may assume the pipelines' roles, as `organization/repository`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "The repository must be one repository, as `organization/repository` and without wildcards."
  }
}

variable "audit" {
  description = "Where Config writes, as guardrails/organization gives it: output `audit`."
  type        = object({ bucket = string, key_arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.audit.key_arn))
    error_message = "The audit's key must be the ARN of a key."
  }
}

variable "recording_frequency" {
  description = "When Config records a change: at once (`CONTINUOUS`) or once a day (`DAILY`), which costs less where much changes."
  type        = string
  default     = "CONTINUOUS"
  nullable    = false

  validation {
    condition     = contains(["CONTINUOUS", "DAILY"], var.recording_frequency)
    error_message = "Config records `CONTINUOUS` or `DAILY`."
  }
}

variable "budgets" {
  description = "What a month may cost in USD: the account, and each squad by the tag `lakeside:squad`; and whom to tell."
  type = object({
    account = number
    squads  = map(number)
    tell    = set(string)
  })
  nullable = false

  validation {
    condition     = var.budgets.account > 0 && alltrue([for amount in values(var.budgets.squads) : amount > 0])
    error_message = "A budget must be more than nothing."
  }

  validation {
    condition     = length(var.budgets.tell) > 0 && alltrue([for address in var.budgets.tell : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "A budget that tells nobody is none: name at least one mail address."
  }
}

variable "in_force" {
  description = "Which guardrails are in force: rules of Config in the language of Guard, budgets, and the account's block of public access to S3."
  type = object({
    guard_rules         = optional(bool, true)
    budgets             = optional(bool, true)
    public_access_block = optional(bool, true)
  })
  default  = {}
  nullable = false
}

variable "artifact_retention_days" {
  description = "Days for which packages of functions are kept that have been replaced."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.artifact_retention_days >= 1 && var.artifact_retention_days <= 365
    error_message = "Replaced packages are kept for 1 to 365 days."
  }
}

variable "deletion_protection" {
  description = "Whether the buckets of states and packages can be deleted only when they are empty."
  type        = bool
  default     = true
  nullable    = false
}

variable "key_deletion_window_days" {
  description = "Days in which the deletion of a key can be taken back."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "KMS deletes keys after 7 to 30 days."
  }
}
