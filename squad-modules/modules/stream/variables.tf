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
  description = "The consumer, as module function outputs it."
  type = object({
    name      = string
    alias_arn = string
    role      = object({ name = string, arn = string })
  })
  nullable = false
}

variable "stream_arn" {
  description = "The stream of the squad's table."
  type        = string
  nullable    = false
}

variable "filters" {
  description = "Which records it wants, as JSON patterns of which one must match."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.filters) > 0 && alltrue([for filter in var.filters : length(try(keys(jsondecode(filter)), [])) > 0])
    error_message = "A consumer of a stream says which records it wants."
  }
}

variable "batching_window_seconds" {
  description = "How long records are gathered before the function is invoked, where it makes one of many."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.batching_window_seconds >= 0 && var.batching_window_seconds <= 60
    error_message = "Records are gathered for a minute at most."
  }
}

variable "oldest_record_seconds" {
  description = "The objective: how long the oldest record may wait before somebody is paged."
  type        = number
  nullable    = false

  validation {
    condition     = var.oldest_record_seconds >= 60 && var.oldest_record_seconds < 86400
    error_message = "An age below a minute cannot be measured, and a stream forgets after a day."
  }
}

variable "runbook" {
  description = "What to do about records that wait or were given up: a file in docs/runbooks, without its ending."
  type        = string
  nullable    = false
}
