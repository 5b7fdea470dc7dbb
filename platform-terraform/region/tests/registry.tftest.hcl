mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

mock_provider "aws" {
  source = "../testing"
}

variables {
  environment = "test"
}

run "every_contract_of_an_event_is_in_the_registry" {
  command = plan

  assert {
    condition = toset(keys(aws_schemas_schema.event)) == toset([
      for path in fileset("../../contracts/events", "*/*/v1.schema.json") :
      "lakeside.${split("/", path)[0]}@${replace(title(replace(split("/", path)[1], "-", " ")), " ", "")}"
    ])
    error_message = "What may be said must be in the registry, and nothing else."
  }

  assert {
    condition = alltrue([
      for schema in aws_schemas_schema.event : schema.registry_name == "lakeside-events" && schema.type == "OpenApi3"
    ])
    error_message = "Schemas must be in the installation's own registry, in the form from which AWS makes code."
  }

  assert {
    condition = alltrue([
      for name, schema in aws_schemas_schema.event :
      "${jsondecode(schema.content).components.schemas.AWSEvent.x-amazon-events-source}@${jsondecode(schema.content).components.schemas.AWSEvent.x-amazon-events-detail-type}" == name
    ])
    error_message = "A schema must be called like the event that it describes."
  }
}

run "which_contracts_are_installed_is_known_without_a_registry" {
  command = plan

  variables {
    schema_registry = false
  }

  assert {
    condition = (
      aws_ssm_parameter.contracts.name == "/lakeside/contracts/v1"
      && jsondecode(aws_ssm_parameter.contracts.value) == {
        for file in fileset("../../contracts/registry", "*.json") :
        trimsuffix(file, ".json") => substr(filesha256("../../contracts/registry/${file}"), 0, 12)
      }
    )
    error_message = "Whoever checks an installation must see which contracts it has."
  }

  # Standard parameters hold no more.
  assert {
    condition     = length(aws_ssm_parameter.contracts.value) < 4096
    error_message = "The contracts' digests must fit one parameter."
  }
}

run "nothing_is_inferred_and_buses_are_under_our_key" {
  assert {
    condition     = length(aws_schemas_discoverer.domain) == 0
    error_message = "Discovery must be asked for."
  }

  assert {
    condition = alltrue([
      for bus in aws_cloudwatch_event_bus.domain : bus.kms_key_identifier == aws_kms_key.class["messaging"].arn
    ])
    error_message = "A bus must be under the key for messages."
  }
}

run "discovery_takes_the_key_off_the_buses" {
  command = plan

  variables {
    schema_discovery    = true
    deletion_protection = false
  }

  assert {
    condition     = toset(keys(aws_schemas_discoverer.domain)) == toset(keys(aws_cloudwatch_event_bus.domain))
    error_message = "Every bus must be looked at."
  }

  assert {
    condition     = alltrue([for bus in aws_cloudwatch_event_bus.domain : bus.kms_key_identifier == null])
    error_message = "AWS refuses discovery on a bus under a customer's key."
  }
}

run "where_there_is_no_registry_it_is_left_out" {
  command = plan

  variables {
    schema_registry = false
  }

  assert {
    condition     = length(aws_schemas_registry.events) == 0 && length(aws_schemas_schema.event) == 0
    error_message = "The switch must leave nothing of it."
  }
}

run "rejects_discovery_where_customers_are_protected" {
  command = plan

  variables {
    schema_discovery = true
  }

  expect_failures = [var.schema_discovery]
}
