variable "name" {
  description = "The dashboard's whole name."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Where its metrics are."
  type        = string
  nullable    = false
}

variable "alarms" {
  description = "The alarms whose state it shows, and what they watch: outputs `alarms` of module alarms, merged."
  type = map(object({
    arn       = string
    graph     = string
    objective = string
    metrics = map(object({
      namespace  = string
      name       = string
      statistic  = string
      dimensions = map(string)
    }))
    expression     = string
    threshold      = number
    period_seconds = number
  }))
  default  = {}
  nullable = false
}

variable "graphs" {
  description = "Graphs beside those of the alarms: each line is a metric, or an expression, such as a search."
  type = list(object({
    title     = string
    statistic = optional(string, "Sum")
    stacked   = optional(bool, false)
    lines = list(object({
      label      = string
      namespace  = optional(string)
      name       = optional(string)
      dimensions = optional(map(string), {})
      statistic  = optional(string)
      expression = optional(string)
    }))
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue(flatten([
      for graph in var.graphs : [
        for line in graph.lines : line.expression != null ? line.name == null && line.namespace == null : line.name != null && line.namespace != null
      ]
    ]))
    error_message = "A line is a metric, by namespace and name, or an expression."
  }

  validation {
    condition     = alltrue([for graph in var.graphs : length(graph.lines) > 0])
    error_message = "A graph has a line at least."
  }
}
