variable "name" {
  description = "The table's name without the prefix."
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

variable "stream" {
  description = "Whether the table has an outbox."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the table can be deleted only after this was switched off."
  type        = bool
  default     = true
  nullable    = false
}

variable "indexes" {
  description = "Global secondary indexes by name. They hold keys only, and whoever reads one reads the items themselves consistently; but for a view, which lags anyway and may be answered from the attributes in `projection`."
  type = map(object({
    hash_key       = string
    range_key      = string
    range_key_type = optional(string, "S")
    projection     = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for index in values(var.indexes) : contains(["S", "N"], index.range_key_type)])
    error_message = "The range key of an index is a string (S) or a number (N)."
  }

  # What an outbox relies on is read from the items.
  validation {
    condition     = !var.stream || alltrue([for index in values(var.indexes) : length(index.projection) == 0])
    error_message = "Only the indexes of a view, which has no outbox, hold more than keys."
  }
}

variable "capacity" {
  description = "Capacity that is bought ahead and scaled between bounds, for the table and for each of its indexes; null to pay by use."
  type = object({
    read               = object({ min = number, max = number })
    write              = object({ min = number, max = number })
    target_utilization = optional(number, 70)
  })
  default = null

  validation {
    condition = var.capacity == null || try(alltrue([
      for bounds in [var.capacity.read, var.capacity.write] :
      bounds.min >= 1 && bounds.max >= bounds.min && floor(bounds.min) == bounds.min && floor(bounds.max) == bounds.max
    ]), false)
    error_message = "Capacity is scaled between whole units, from 1 up."
  }

  validation {
    condition     = var.capacity == null || try(var.capacity.target_utilization >= 20 && var.capacity.target_utilization <= 90, false)
    error_message = "Auto-scaling aims at 20 to 90 per cent of the capacity."
  }

  # A replica would need the same capacity, scaled by the same policy, before it can be made.
  validation {
    condition     = var.capacity == null || var.platform.regions.home == null
    error_message = "A table that has a replica is paid by use."
  }
}
