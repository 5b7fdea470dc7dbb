# Every event that may be said, described as it arrives: code bindings and whoever looks in the console find the contract
# here. Contracts stay in `contracts/`; this is a copy, and a new content becomes a new version.
locals {
  schemas_dir = "${path.module}/../../contracts/registry"
  # The file of a schema is called like the schema: `<source>@<detail-type>.json`.
  event_schemas = { for file in fileset(local.schemas_dir, "*.json") : trimsuffix(file, ".json") => file }
}

resource "aws_schemas_registry" "events" {
  count = var.schema_registry ? 1 : 0

  name        = "${var.prefix}-events"
  description = "What is said on the buses of ${var.prefix}."
}

resource "aws_schemas_schema" "event" {
  for_each = { for name, file in local.event_schemas : name => file if var.schema_registry }

  name          = each.key
  registry_name = aws_schemas_registry.events[0].name
  type          = "OpenApi3"
  description   = "${split("@", each.key)[1]}, as ${split("@", each.key)[0]} says it."
  content       = file("${local.schemas_dir}/${each.value}")
}

# Which content of each contract is installed, also where there is no registry: `lakeside doctor` compares it with what it
# was built with.
resource "aws_ssm_parameter" "contracts" {
  name        = "/${var.prefix}/contracts/v1"
  description = "The events' contracts that are installed, each by the first digits of its SHA-256."
  type        = "String"
  value       = jsonencode({ for name, file in local.event_schemas : name => substr(filesha256("${local.schemas_dir}/${file}"), 0, 12) })
}

# What is said without a contract shows here as a schema that the registry above does not have.
resource "aws_schemas_discoverer" "domain" {
  for_each = var.schema_discovery ? aws_cloudwatch_event_bus.domain : {}

  source_arn  = each.value.arn
  description = "Finds what is said on ${each.value.name}."
}
