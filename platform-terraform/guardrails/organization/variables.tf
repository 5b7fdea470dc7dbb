variable "prefix" {
  description = "First part of every name, as in the roots of the workload accounts."
  type        = string
  default     = "lakeside"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.prefix))
    error_message = "The prefix must be 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "environment" {
  description = "Value of the cost allocation tag `lakeside:environment` on what all accounts share."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}$", var.environment))
    error_message = "The environment must be 2 to 32 lower-case letters, digits and hyphens."
  }
}

variable "security_account" {
  description = "The account that keeps the audit trail and watches the others, and the role in it by which this root is applied."
  type        = object({ id = string, role = optional(string, "OrganizationAccountAccessRole") })
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.security_account.id))
    error_message = "The security account must be given by its 12 digits."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.security_account.role))
    error_message = "The role in the security account must be one role, by its name."
  }
}

variable "workload_targets" {
  description = "Organizational units or accounts in which squads work, by a name of your own: their ids, such as `ou-abcd-12345678`."
  type        = map(string)
  nullable    = false

  validation {
    condition = alltrue([
      for id in values(var.workload_targets) : can(regex("^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|[0-9]{12})$", id))
    ])
    error_message = "A workload target must be the id of an organizational unit or of an account: the root of the organization would bind the security account too."
  }

  validation {
    condition     = length(var.workload_targets) > 0
    error_message = "Squads work somewhere: name at least one workload target."
  }
}

variable "allowed_regions" {
  description = "Regions in which anything may be done. Services that are global by nature are listed in policies/limit-regions.json."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.allowed_regions) > 0 && alltrue([for region in var.allowed_regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Name every allowed Region in full, such as `eu-central-1`."
  }
}

variable "guardrails_role" {
  description = "The one role, by its name, that may change guardrails in every account: the platform team applies these roots by it."
  type        = string
  default     = "OrganizationAccountAccessRole"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.guardrails_role))
    error_message = "The guardrails' role must be one role, by its name and without wildcards."
  }
}

variable "trail_retention_days" {
  description = "Days for which the audit trail and the recorded configurations are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.trail_retention_days >= 90 && var.trail_retention_days <= 3650
    error_message = "The audit trail is kept for 90 to 3650 days."
  }
}

variable "trail_lock_days" {
  description = "Days for which nobody at all can delete an object of the audit trail; 0 for no lock. What is locked cannot be unlocked, not even by destroying this root."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.trail_lock_days >= 0 && var.trail_lock_days < var.trail_retention_days
    error_message = "The audit trail must be locked for fewer days than it is kept."
  }
}

variable "detection" {
  description = "Whether GuardDuty is switched on in every account of the organization or in the security account alone, whether there is Security Hub, and whether the security account sees what Config records elsewhere."
  type = object({
    organization_wide = optional(bool, true)
    security_hub      = optional(bool, true)
    config_everywhere = optional(bool, true)
  })
  default  = {}
  nullable = false
}

variable "guardduty_features" {
  description = "What GuardDuty watches beyond its foundational sources."
  type        = set(string)
  default     = ["LAMBDA_NETWORK_LOGS", "S3_DATA_EVENTS"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.guardduty_features, ["LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS"])) == 0
    error_message = "GuardDuty's features here are LAMBDA_NETWORK_LOGS, RDS_LOGIN_EVENTS and S3_DATA_EVENTS."
  }
}

variable "security_standards" {
  description = "Standards that Security Hub checks in every account, such as `aws-foundational-security-best-practices/v/1.0.0`."
  type        = set(string)
  default     = ["aws-foundational-security-best-practices/v/1.0.0"]
  nullable    = false

  validation {
    condition     = alltrue([for standard in var.security_standards : can(regex("^[a-z0-9-]+/v/[0-9]+\\.[0-9]+\\.[0-9]+$", standard))])
    error_message = "A standard is given by its name and version, such as `aws-foundational-security-best-practices/v/1.0.0`."
  }
}

variable "findings_severity" {
  description = "From which severity on GuardDuty's findings are sent to the topic of findings: 4 is medium, 7 high."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.findings_severity >= 1 && var.findings_severity <= 8.9
    error_message = "GuardDuty's severities are from 1 to 8.9."
  }
}

variable "cost_allocation_tags" {
  description = "Tags by which the bill can be split. They are known to Billing only after something has carried them for a day."
  type        = set(string)
  default     = ["lakeside:environment", "lakeside:squad"]
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the audit trail's bucket can be deleted only when it is empty."
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
