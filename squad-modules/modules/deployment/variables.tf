variable "squad" {
  description = "Whose functions these are: a squad, or a consumer in a directory of its own."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,40}$", var.squad))
    error_message = "A squad's name must be 3 to 41 lower-case letters, digits and hyphens."
  }
}

variable "platform" {
  description = "The platform, as module platform-contract reads it."
  type = object({
    account_id               = string
    region                   = string
    prefix                   = string
    alarm_topic_arn          = string
    ticket_topic_arn         = optional(string)
    repository_url           = optional(string)
    permissions_boundary_arn = optional(string)
    regions                  = optional(object({ role_suffix = optional(string, "") }), {})
  })
  nullable = false
}

variable "functions" {
  description = "The functions, by key: output `deployment` of each module function."
  type        = map(object({ function = string, alias = string, binary = string, alarm = string }))
  nullable    = false

  validation {
    condition     = length(var.functions) > 0
    error_message = "Without a function there is nothing to deploy."
  }
}

variable "settings" {
  description = "What is the same for all functions of a squad; of it, how they are shifted to a new version."
  type = object({
    canary = optional(object({ type = string, percent = number, interval_minutes = number }))
  })
  nullable = false

  validation {
    condition     = var.settings.canary == null || contains(["canary", "linear"], try(var.settings.canary.type, ""))
    error_message = "A shift is canary (one step, then everything) or linear (step by step)."
  }

  validation {
    condition = var.settings.canary == null || try(
      var.settings.canary.percent >= 1 && var.settings.canary.percent <= 50
      && floor(var.settings.canary.percent) == var.settings.canary.percent, false
    )
    error_message = "A step of a shift is from 1 to 50 percent, in whole percents."
  }

  # The alarm looks at whole minutes: a shorter step would be over before it was judged.
  validation {
    condition = var.settings.canary == null || try(
      var.settings.canary.interval_minutes >= 2 && var.settings.canary.interval_minutes <= 60
      && floor(var.settings.canary.interval_minutes) == var.settings.canary.interval_minutes, false
    )
    error_message = "A step of a shift takes from 2 to 60 minutes."
  }
}
