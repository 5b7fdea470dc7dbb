variable "platform" {
  description = "The platform, as module platform-contract reads it."
  type = object({
    account_id               = string
    region                   = string
    prefix                   = string
    keys                     = object({ data = string, messaging = string, logs = string })
    alarm_topic_arn          = string
    permissions_boundary_arn = optional(string)
    regions = optional(object({
      role_suffix = optional(string, "")
      home        = optional(string)
      owns_tables = optional(bool, true)
      processing  = optional(bool, true)
    }), {})
  })
  nullable = false
}

variable "function" {
  description = "What is invoked, as module function gives it."
  type        = object({ name = string, alias_arn = string })
  nullable    = false
}

variable "expression" {
  description = "When: a rate or a cron expression, in UTC."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|cron\\([^()]+\\))$", var.expression))
    error_message = "A schedule is a rate or a cron expression, such as `rate(1 minute)`."
  }
}
