variable "name" {
  description = "The queue's name without the prefix."
  type        = string
  nullable    = false
}

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

variable "fifo" {
  description = "Whether messages of one group are delivered in order, and one at a time. Its name and its dead-letter queue's then end in `.fifo`."
  type        = bool
  default     = false
  nullable    = false

  # EventBridge gives all that a rule sends to one FIFO queue the same group: one poison message would stop them all.
  validation {
    condition     = !var.fifo || length(var.rule_arns) == 0
    error_message = "A FIFO queue is fed by functions, which choose the group of each message, and by no rule."
  }
}

variable "visibility_timeout_seconds" {
  description = "How long a received message is hidden: at least six times its consumer's timeout plus its batching window."
  type        = number
  nullable    = false

  validation {
    condition     = var.visibility_timeout_seconds >= 6 && var.visibility_timeout_seconds <= 43200
    error_message = "Messages must be hidden for at least 6 seconds, six times the shortest timeout, and SQS hides them for at most 12 hours."
  }
}

variable "max_receive_count" {
  description = "Deliveries before a message goes to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count >= 5 && var.max_receive_count <= 20
    error_message = "A message must be delivered 5 to 20 times before it is given up."
  }
}

variable "retention_seconds" {
  description = "How long messages are kept. The dead-letter queue keeps them for 14 days, which must be longer."
  type        = number
  default     = 345600
  nullable    = false

  validation {
    condition     = var.retention_seconds >= 3600 && var.retention_seconds < 1209600
    error_message = "A queue must keep messages for at least an hour and for less than the 14 days of its dead-letter queue."
  }
}

variable "rule_arns" {
  description = "EventBridge rules that may send to the queue, and to its dead-letter queue what they cannot deliver."
  type        = list(string)
  default     = []
  nullable    = false

  # `ArnEquals` takes wildcards: one of them would let in every rule of every account.
  validation {
    condition     = alltrue([for arn in var.rule_arns : can(regex("^arn:aws[a-z-]*:events:[^*?]+:rule/[^*?]+$", arn))])
    error_message = "The queue is open to rules by their ARNs, without wildcards."
  }
}

variable "oldest_message_seconds" {
  description = "The objective: how long the oldest message may wait before somebody is paged."
  type        = number
  nullable    = false

  validation {
    condition     = var.oldest_message_seconds >= 60
    error_message = "An age below a minute cannot be measured."
  }
}

variable "runbooks" {
  description = "What to do about dead letters, and about a consumer that is behind: files in docs/runbooks, without their ending."
  type        = object({ dead_letters = string, behind = string })
  default     = { dead_letters = "dead-letter-queue", behind = "consumer-behind" }
  nullable    = false
}
