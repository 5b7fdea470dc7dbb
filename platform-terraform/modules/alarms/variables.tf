variable "platform" {
  description = "Of the platform, as module platform-contract reads it: where pages and tickets go, and where the repository's files are read."
  type = object({
    account_id       = string
    region           = string
    prefix           = string
    alarm_topic_arn  = string
    ticket_topic_arn = optional(string)
    repository_url   = optional(string)
  })
  nullable = false
}

variable "subject" {
  description = "What is watched, as the alarms' names say after the prefix; null where the alarms' own keys say it."
  type        = string
  default     = null
}

variable "alarms" {
  description = "The alarms, by the end of their names."
  type = map(object({
    severity    = string # `page` wakes somebody, `ticket` waits for the morning.
    description = string # What is wrong, as a sentence.
    objective   = string # What is promised instead.
    runbook     = string # The file in docs/runbooks, without its ending.
    graph       = string # On which graph of a dashboard it is shown.
    metrics = map(object({
      namespace  = string
      name       = string
      statistic  = string
      dimensions = optional(map(string), {})
    }))
    expression        = optional(string) # Of the metrics' keys; without one there is one metric.
    threshold         = number
    comparison        = optional(string, "GreaterThanThreshold")
    period_seconds    = optional(number, 60)
    periods           = optional(number, 1)
    breaching_periods = optional(number) # All of them, if it is not said.
    missing           = optional(string, "notBreaching")
    rings             = optional(bool, true)
  }))
  nullable = false

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : contains(["page", "ticket"], alarm.severity)])
    error_message = "An alarm is a page or a ticket."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : can(regex("^[a-z][a-z0-9-]+$", alarm.runbook))])
    error_message = "An alarm leads to a runbook, by the name of its file in docs/runbooks without the ending."
  }

  validation {
    condition = alltrue([
      for alarm in values(var.alarms) : endswith(alarm.description, ".") && !endswith(alarm.objective, ".") && alarm.objective != ""
    ])
    error_message = "An alarm says in a sentence what is wrong, and in a part of one what is promised instead."
  }

  validation {
    condition = alltrue([
      for alarm in values(var.alarms) : alarm.expression == null ? length(alarm.metrics) == 1 : alltrue([
        for id in keys(alarm.metrics) : can(regex("^[a-z][a-z_]*$", id)) && can(regex("\\b${id}\\b", alarm.expression))
      ])
    ])
    error_message = "An alarm has one metric, or an expression of the keys of all of its metrics, which are lower-case words."
  }

  validation {
    condition = alltrue([
      for alarm in values(var.alarms) : alltrue([
        for metric in values(alarm.metrics) :
        can(regex("^(Average|Maximum|Minimum|Sum|SampleCount|p[0-9]{1,2}(\\.[0-9]+)?)$", metric.statistic))
      ])
    ])
    error_message = "A statistic is Average, Maximum, Minimum, Sum, SampleCount or a percentile such as p99."
  }

  validation {
    condition = alltrue([
      for alarm in values(var.alarms) : alarm.breaching_periods == null ? true : (
        alarm.breaching_periods >= 1 && alarm.breaching_periods <= alarm.periods
      )
    ])
    error_message = "Of the periods that are looked at, one to all must be breached."
  }

  validation {
    condition = alltrue([
      for alarm in values(var.alarms) : alarm.periods >= 1 && alarm.period_seconds % 60 == 0 && (
        alarm.period_seconds * alarm.periods <= (alarm.period_seconds < 3600 ? 86400 : 604800)
      )
    ])
    error_message = "CloudWatch looks back a day at most, or a week in periods of an hour or more; periods are whole minutes."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : contains(["breaching", "notBreaching"], alarm.missing)])
    error_message = "What is missing is breaching or notBreaching: an alarm that keeps its state or has none tells nobody anything."
  }

  # CloudWatch ignores there what is missing, whatever it was told: such an alarm would never end.
  validation {
    condition = alltrue([
      for alarm in values(var.alarms) : alarm.expression != null || alltrue([
        for metric in values(alarm.metrics) : metric.namespace != "AWS/DynamoDB"
      ])
    ])
    error_message = "A metric of DynamoDB is watched through an expression that fills in what is missing."
  }
}
