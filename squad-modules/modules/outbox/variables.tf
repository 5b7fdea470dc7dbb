variable "squad" {
  description = "Whose outbox, and to whose bus."
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

variable "bus" {
  description = "The squad's bus."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "stream_arn" {
  description = "The stream of the squad's table."
  type        = string
  nullable    = false
}

variable "transport" {
  description = "`pipe`: an EventBridge Pipe publishes what the function makes of the stream. `stream`: the function publishes itself, for where Pipes cannot run."
  type        = string
  default     = "pipe"
  nullable    = false

  validation {
    condition     = contains(["pipe", "stream"], var.transport)
    error_message = "The transport must be pipe or stream."
  }
}

variable "settings" {
  description = "What is the same for all functions of a squad; see module function."
  type = object({
    artifacts_dir          = string
    architecture           = optional(string, "arm64")
    log_level              = optional(string, "info")
    log_retention_days     = optional(number, 30)
    tracing                = optional(bool, true)
    otlp                   = optional(object({ endpoint = string, layer_arns = optional(list(string), []) }))
    function_role_auditors = optional(list(string), [])
  })
  nullable = false
}
