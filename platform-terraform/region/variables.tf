variable "prefix" {
  description = "First part of every name, so that several installations fit one account."
  type        = string
  default     = "lakeside"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.prefix))
    error_message = "The prefix must be 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "environment" {
  description = "Value of the cost allocation tag `lakeside:environment`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}$", var.environment))
    error_message = "The environment must be 2 to 32 lower-case letters, digits and hyphens."
  }
}

variable "archive_retention_days" {
  description = "Days for which the events of every bus can be replayed."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.archive_retention_days >= 1 && var.archive_retention_days <= 60
    error_message = "Archives keep events for 1 to 60 days: never for ever, and less than the 90 days for which Step Functions remembers an execution's name."
  }
}

variable "log_retention_days" {
  description = "Days for which access logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 180 or 365 days."
  }
}

variable "throttle" {
  description = "Requests a second that the door lets through, and how many may come at once."
  type        = object({ rate = number, burst = number })
  default     = { rate = 500, burst = 1000 }
  nullable    = false

  validation {
    condition     = var.throttle.rate >= 1 && var.throttle.burst >= var.throttle.rate
    error_message = "The throttle's rate must be at least 1 and its burst at least the rate."
  }
}

variable "partner_plans" {
  description = "What each partner of a plan may ask for: requests a second, how many at once, and in a day."
  type        = map(object({ rate = number, burst = number, requests_per_day = number }))
  default     = { standard = { rate = 10, burst = 50, requests_per_day = 100000 } }
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.partner_plans) : can(regex("^[a-z][a-z0-9-]{1,31}$", name))])
    error_message = "A plan's name must be 2 to 32 lower-case letters, digits and hyphens, beginning with a letter."
  }

  validation {
    condition = alltrue([
      for plan in values(var.partner_plans) : plan.rate >= 1 && plan.burst >= plan.rate && plan.requests_per_day >= 1
    ])
    error_message = "A plan's rate must be at least 1, its burst at least the rate, and a day must have requests."
  }
}

variable "partners" {
  description = "The plan of each partner, by the partner's id. Credentials are not here: the orders squad's table `partners` has their digests."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for id in keys(var.partners) : can(regex("^[a-z][a-z0-9-]{1,31}$", id))])
    error_message = "A partner's id must be 2 to 32 lower-case letters, digits and hyphens, beginning with a letter."
  }

  validation {
    condition     = alltrue([for plan in values(var.partners) : contains(keys(var.partner_plans), plan)])
    error_message = "Every partner must have one of the plans in `partner_plans`."
  }
}

variable "password_sign_in" {
  description = "Whether customers may sign in with user name and password alone, as test customers do."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the customers and the directory can be deleted only after this was switched off."
  type        = bool
  default     = true
  nullable    = false
}

variable "set_api_log_role" {
  description = "Whether this installation gives API Gateway the role with which it writes logs. An account has one in each region: true for exactly one installation there."
  type        = bool
  default     = true
  nullable    = false
}

variable "tracing" {
  description = "Whether the door starts X-Ray traces."
  type        = bool
  default     = true
  nullable    = false
}

variable "dashboards" {
  description = "Whether there are dashboards."
  type        = bool
  default     = true
  nullable    = false
}

variable "key_deletion_window_days" {
  description = "Days in which the deletion of a key can be taken back."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "KMS deletes keys after 7 to 30 days."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds every role of a squad; null where the account has none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/", var.permissions_boundary_arn))
    error_message = "The permissions boundary must be the ARN of a policy."
  }
}

variable "second_region" {
  description = "The Region that makes the tables, and the one that stands by for it. Both are applied with the same value; null for an installation in one Region."
  type        = object({ home = string, standby = string })
  default     = null

  validation {
    condition = alltrue([
      for region in try(values(var.second_region), []) : can(regex("^[a-z]{2}(-[a-z]+)+-[1-9]$", region))
    ])
    error_message = "A Region is named such as eu-central-1."
  }

  validation {
    condition     = try(var.second_region.home != var.second_region.standby, true)
    error_message = "No Region stands by for itself."
  }
}

variable "other_customer_pool_arns" {
  description = "Pools of other Regions whose customers are let in as well, while their tokens last."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.other_customer_pool_arns : can(regex("^arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$", arn))
    ])
    error_message = "A pool of customers is named by its ARN."
  }
}

variable "domain" {
  description = "The shop's domain and its hosted zone: the door is then `api.<name>`, and has no other address. Null for the address that AWS gives it."
  type        = object({ name = string, zone_id = string })
  default     = null

  validation {
    condition = alltrue([
      for domain in var.domain[*] :
      can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", domain.name)) && can(regex("^Z[A-Z0-9]+$", domain.zone_id))
    ])
    error_message = "A domain is a name such as shop.example, in lower case, and the id of its hosted zone."
  }
}

variable "schema_registry" {
  description = "Whether the contracts of events are copied into the schema registry. Off where there is none, such as the local cloud."
  type        = bool
  default     = true
  nullable    = false
}

variable "schema_discovery" {
  description = "Whether EventBridge infers schemas from what is said on the buses. It takes the platform's key off the buses, so it is for installations that are thrown away."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.schema_discovery || !var.deletion_protection
    error_message = "Discovery takes the platform's key off the buses, so it is refused where customers are protected."
  }
}

variable "network" {
  description = "A private network for the squads' functions: its addresses, and over how many zones; null for none."
  type        = object({ cidr = string, zones = optional(number, 2) })
  default     = null

  validation {
    condition     = var.network == null || can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.).*/(1[6-9]|2[0-4])$", var.network.cidr)) && can(cidrhost(var.network.cidr, 0))
    error_message = "The network's addresses must be private, from /16 to /24."
  }

  validation {
    condition     = var.network == null || try(var.network.zones >= 2 && var.network.zones <= 4 && floor(var.network.zones) == var.network.zones, false)
    error_message = "The network must be in 2 to 4 zones, so that one may fail."
  }
}

variable "event_subscribers" {
  description = "Accounts that are sent what is said here, by a name of their own: the account, its bus, the domains whose buses it hears, and which detail-types; all of them if it names none."
  type = map(object({
    account_id   = string
    bus_name     = optional(string, "default")
    buses        = set(string)
    detail_types = optional(set(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.event_subscribers) : can(regex("^[a-z][a-z0-9-]{1,15}$", name))])
    error_message = "A subscriber's name must be 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }

  validation {
    condition = alltrue([
      for subscriber in values(var.event_subscribers) :
      can(regex("^[0-9]{12}$", subscriber.account_id)) && can(regex("^[A-Za-z0-9._/-]{1,256}$", subscriber.bus_name))
    ])
    error_message = "A subscriber is one account, of 12 digits, and one bus of it."
  }

  validation {
    condition = alltrue([
      for subscriber in values(var.event_subscribers) :
      length(subscriber.buses) > 0 && length(setsubtract(subscriber.buses, local.domains)) == 0
    ])
    error_message = "A subscriber names the domains that it hears: orders, inventory, fulfilment or growth."
  }

  validation {
    condition = alltrue([
      for subscriber in values(var.event_subscribers) :
      subscriber.detail_types == null || length(setsubtract(coalesce(subscriber.detail_types, toset([])), flatten(values(local.detail_types)))) == 0
    ])
    error_message = "A subscriber names detail-types that there is a contract for."
  }
}

variable "deny_other_accounts" {
  description = "Whether the policy of each bus denies other accounts everything. Off where policies of buses are not read, such as the local cloud."
  type        = bool
  default     = true
  nullable    = false
}

variable "repository_url" {
  description = "Where the files of this repository are read, so that alarms link their runbooks: `https://<host>/<repository>/blob/main`. Without one they name the file."
  type        = string
  default     = null

  validation {
    condition     = var.repository_url == null || can(regex("^https://[a-z0-9][^ ]*[^/ ]$", var.repository_url))
    error_message = "The repository's files are read by https, at an address without a slash at its end."
  }
}

variable "account_concurrency" {
  description = "How many functions may run at the same time in this Region of the account: Lambda's quota, which AWS raises on request."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.account_concurrency >= 10 && floor(var.account_concurrency) == var.account_concurrency
    error_message = "Lambda's quota is 10 at least."
  }
}

variable "door_objectives" {
  description = "What the door promises: the share of calls that fail, in percent, over minutes (page) and over an hour (ticket), and within how many milliseconds 99 of 100 are answered."
  type = object({
    failures_percent      = optional(number, 1)
    failures_percent_hour = optional(number, 0.1)
    p99_milliseconds      = optional(number, 1000)
  })
  default  = {}
  nullable = false

  validation {
    condition = (
      var.door_objectives.failures_percent_hour > 0 && var.door_objectives.failures_percent < 100
      && var.door_objectives.failures_percent_hour <= var.door_objectives.failures_percent
    )
    error_message = "What is borne for an hour is no more than what is borne for minutes."
  }

  validation {
    condition     = var.door_objectives.p99_milliseconds >= 1 && var.door_objectives.p99_milliseconds <= 29000
    error_message = "API Gateway answers within 29 seconds in any case."
  }
}
