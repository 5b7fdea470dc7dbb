variable "name" {
  description = "The function's name without the prefix; also its queue's and its alarms'."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,40}$", var.name))
    error_message = "A function's name must be 3 to 41 lower-case letters, digits and hyphens."
  }
}

variable "binary" {
  description = "The binary it runs, if that has another name: the artifact is <artifacts_dir>/<binary>.zip."
  type        = string
  default     = null
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
    network = optional(object({ subnet_ids = list(string), security_group_id = string }))
  })
  nullable = false
}

variable "settings" {
  description = "What is the same for all functions of a squad."
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

  validation {
    condition     = contains(["arm64", "x86_64"], var.settings.architecture)
    error_message = "The architecture must be arm64 or x86_64."
  }

  validation {
    condition = alltrue([
      for arn in var.settings.function_role_auditors : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|role/[^*?]+|user/[^*?]+)$", arn))
    ])
    error_message = "An auditor of function roles must be one account, role or user, by its ARN."
  }

  # Spans say which order is where: they leave the sandbox encrypted.
  validation {
    condition = var.settings.otlp == null || can(regex(
      "^(http://(localhost|127\\.0\\.0\\.1)(:[0-9]{1,5})?|https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9./_-]*)?)$",
      var.settings.otlp.endpoint
    ))
    error_message = "Spans go to an extension on `http://localhost:4318` or to an address with https, neither with credentials."
  }

  validation {
    condition = length(try(var.settings.otlp.layer_arns, [])) <= 5 && alltrue([
      for arn in try(var.settings.otlp.layer_arns, []) : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", arn))
    ])
    error_message = "A function has at most five layers, each by the ARN of one version."
  }
}

variable "environment" {
  description = "Settings of the function itself, as environment variables. No secrets."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_seconds" {
  description = "When Lambda ends an invocation."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 120
    error_message = "A function's timeout must be from 1 to 120 seconds."
  }
}

variable "memory_mb" {
  description = "Memory, and with it the share of a processor."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 3008
    error_message = "A function's memory must be from 128 to 3008 MB."
  }
}

variable "provisioned_concurrency" {
  description = "Environments that are kept warm and paid for whether or not they are used; 0 for none."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.provisioned_concurrency >= 0 && var.provisioned_concurrency <= 500 && floor(var.provisioned_concurrency) == var.provisioned_concurrency
    error_message = "From 0 to 500 environments are kept warm."
  }
}

variable "in_network" {
  description = "Whether it runs in the platform's private network, from where it reaches AWS's services by endpoints and nothing else."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.in_network || var.platform.network != null
    error_message = "The platform has no network to run a function in."
  }
}

variable "tables" {
  description = "What it may do with items of which partition keys, by a name of the grant's own; and which attributes it may read, where the others are not its business."
  type = map(object({
    arn          = string
    actions      = list(string)
    leading_keys = list(string)
    attributes   = optional(list(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for grant in values(var.tables) :
      length(grant.leading_keys) > 0 && alltrue([for key in grant.leading_keys : can(regex("^[A-Z]+#", key))])
    ])
    error_message = "A grant on a table must name the partition keys it is for, each beginning with its kind, such as `ORDER#*`."
  }

  # A scan has no partition key, so the condition on keys would not bind it.
  validation {
    condition = alltrue([
      for grant in values(var.tables) : length(grant.actions) > 0 && length(setsubtract(grant.actions, [
        "BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem",
      ])) == 0
    ])
    error_message = "A grant on a table names actions on items of known keys, without service and wildcard, such as PutItem."
  }

  # Attributes bind a read by what it asks for; a write is bound by none of the conditions used here.
  validation {
    condition = alltrue([
      for grant in values(var.tables) : grant.attributes == null || (
        length(coalesce(grant.attributes, [])) > 0 && length(setsubtract(grant.actions, ["GetItem"])) == 0
      )
    ])
    error_message = "A grant on attributes names some, and is for GetItem alone."
  }
}

variable "statements" {
  description = "What else it may do, by statement id."
  type        = map(object({ actions = list(string), resources = list(string) }))
  default     = {}
  nullable    = false

  validation {
    condition = alltrue(flatten([
      for statement in values(var.statements) : [for action in statement.actions : !strcontains(action, "*")]
    ]))
    error_message = "A function's statements must not use wildcards in actions."
  }

  validation {
    condition = alltrue(flatten([
      for statement in values(var.statements) : [
        for action in statement.actions : !can(regex("^dynamodb:(.*Item|Query|Scan|PartiQL.*)$", action))
      ]
    ]))
    error_message = "Items of tables are granted by `tables`, which binds the grant to partition keys."
  }

  # Task tokens are no resources: whoever holds one may answer it.
  validation {
    condition = alltrue([
      for statement in values(var.statements) :
      !contains(statement.resources, "*") || alltrue([for action in statement.actions : startswith(action, "states:SendTask")])
    ])
    error_message = "A function's statements must name their resources."
  }
}

variable "errors" {
  description = "Which share of its invocations may fail, in percent; in how many of the last periods it must be more before somebody is paged; and the runbook. Periods hold an invocation each where the clock invokes it."
  type = object({
    percent           = optional(number, 5)
    period_seconds    = optional(number, 60)
    periods           = optional(number, 3)
    breaching_periods = optional(number, 2)
    runbook           = optional(string, "function-fails")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.errors.percent >= 0 && var.errors.percent < 100
    error_message = "The share that may fail is from 0 to less than 100 percent."
  }
}
