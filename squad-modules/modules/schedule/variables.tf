variable "platform" {
  description = "The platform, as module platform-contract reads it."
  type = object({
    account_id               = string
    region                   = string
    prefix                   = string
    keys                     = object({ data = string, messaging = string, logs = string })
    alarm_topic_arn          = string
    ticket_topic_arn         = optional(string)
    repository_url           = optional(string)
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

variable "silence_seconds" {
  description = "The objective: for how long it may not have run before somebody is paged, several times its rate."
  type        = number
  nullable    = false

  validation {
    condition     = var.silence_seconds >= 120 && var.silence_seconds <= 86400 && var.silence_seconds % 60 == 0
    error_message = "A silence is from two minutes to a day, in whole minutes."
  }
}
