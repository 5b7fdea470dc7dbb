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
    name            = string
    alias_arn       = string
    role            = object({ name = string, arn = string })
    timeout_seconds = number
  })
  nullable = false
}

variable "rules" {
  description = "What it wants to hear, by a name of the rule's own: bus, sources and detail-types, and what else must match in the detail (as JSON). Empty for a queue that takes commands."
  type = map(object({
    bus          = string
    sources      = list(string)
    detail_types = list(string)
    detail       = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for rule in values(var.rules) : length(rule.sources) > 0 && length(rule.detail_types) > 0])
    error_message = "A rule must name its sources and detail-types."
  }

  validation {
    condition     = alltrue([for rule in values(var.rules) : rule.detail == null || can(keys(jsondecode(rule.detail)))])
    error_message = "What else a rule matches in the detail must be a JSON object."
  }
}

variable "queue" {
  description = "A queue of commands that is there already, as module queue outputs it, instead of one that is made here."
  type = object({
    name                       = string
    arn                        = string
    url                        = string
    dlq_arn                    = string
    dlq_url                    = string
    visibility_timeout_seconds = number
  })
  default = null

  validation {
    condition     = var.queue == null || length(var.rules) == 0
    error_message = "Rules send to a queue that is made with them, for its policy names them."
  }
}

variable "batch_size" {
  description = "Messages of one invocation at most."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10
    error_message = "A batch has 1 to 10 messages."
  }
}

variable "maximum_concurrency" {
  description = "Invocations at the same time at most, so that a backlog cannot starve the account."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "The maximum concurrency of a mapping is from 2 to 1000."
  }
}

variable "max_receive_count" {
  description = "Deliveries before a message goes to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false
}

variable "oldest_message_seconds" {
  description = "The objective of a queue that is made here: how long the oldest message may wait before somebody is paged."
  type        = number
  default     = null

  validation {
    condition     = (var.oldest_message_seconds == null) == (var.queue != null)
    error_message = "A subscription states how long its oldest message may wait, unless its queue does."
  }
}

variable "runbooks" {
  description = "What to do about dead letters, and about a consumer that is behind: files in docs/runbooks, without their ending."
  type        = object({ dead_letters = string, behind = string })
  default     = { dead_letters = "dead-letter-queue", behind = "consumer-behind" }
  nullable    = false
}
