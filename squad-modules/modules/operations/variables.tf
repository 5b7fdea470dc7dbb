variable "squad" {
  description = "Whose these are: a squad, or a consumer in a directory of its own."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,40}$", var.squad))
    error_message = "A squad's name must be 3 to 41 lower-case letters, digits and hyphens."
  }

  # The command line reads the platform's own in the same place.
  validation {
    condition     = var.squad != "platform"
    error_message = "The platform is no squad."
  }
}

variable "platform" {
  description = "The platform, as module platform-contract reads it."
  type        = object({ prefix = string })
  nullable    = false
}

variable "functions" {
  description = "The functions, by key: output `operations` of each module function."
  type        = map(object({ function = string, log_group = string }))
  nullable    = false
}

variable "queues" {
  description = "The queues by key, each with its dead-letter queue: output `operations` of each module subscription, outbox, stream and schedule, and what a root makes by itself."
  type = map(object({
    holds           = string
    url             = optional(string)
    dead_letter_url = string
    function        = optional(string)
  }))
  nullable = false

  validation {
    condition     = alltrue([for queue in values(var.queues) : contains(["events", "messages", "positions", "runs"], queue.holds)])
    error_message = "A dead-letter queue holds messages of a queue, positions in a stream, missed runs of a schedule, or events that a target did not take."
  }

  # What is sent back goes to the queue that it came from.
  validation {
    condition     = alltrue([for queue in values(var.queues) : (queue.url != null) == (queue.holds == "messages")])
    error_message = "Messages, and nothing else, have a queue to go back to."
  }
}

variable "tables" {
  description = "The tables' names, by their names without prefix."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "state_machine" {
  description = "The saga, of the squad that has it: its ARN, and where it logs."
  type        = object({ arn = string, log_group = string })
  default     = null
}
