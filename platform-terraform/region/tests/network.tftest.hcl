mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

mock_provider "aws" {
  source = "../testing"

  override_resource {
    target = aws_security_group.functions["private"]
    values = { id = "sg-functions" }
  }

  override_resource {
    target = aws_security_group.endpoints["private"]
    values = { id = "sg-endpoints" }
  }

  override_resource {
    target = aws_vpc_endpoint.gateway["dynamodb"]
    values = { prefix_list_id = "pl-dynamodb" }
  }

  override_resource {
    target = aws_vpc_endpoint.gateway["s3"]
    values = { prefix_list_id = "pl-s3" }
  }
}

variables {
  environment = "test"
  network     = { cidr = "10.20.0.0/20", zones = 3 }
}

run "without_a_network_there_is_none" {
  command = plan

  variables {
    network = null
  }

  assert {
    condition = (
      length(aws_vpc.functions) == 0
      && length(aws_subnet.functions) == 0
      && length(aws_vpc_endpoint.gateway) == 0
      && length(aws_vpc_endpoint.interface) == 0
      && length(aws_flow_log.functions) == 0
      && output.platform.network == null
    )
    error_message = "Endpoints cost money whether or not they are used."
  }
}

run "the_network_is_private_and_in_several_zones" {
  assert {
    condition = {
      for zone, subnet in aws_subnet.functions : zone => subnet.cidr_block
    } == { "eu-central-1a" = "10.20.0.0/22", "eu-central-1b" = "10.20.4.0/22", "eu-central-1c" = "10.20.8.0/22" }
    error_message = "Each zone must have a part of its own."
  }

  assert {
    condition = alltrue([
      for subnet in aws_subnet.functions : !coalesce(subnet.map_public_ip_on_launch, false)
    ])
    error_message = "Nothing in it may have a public address."
  }

  assert {
    condition     = length([for table in aws_route_table.functions : table if length(coalesce(table.route, [])) > 0]) == 0
    error_message = "There must be no route out of it."
  }

  assert {
    condition = (
      length(coalesce(aws_default_security_group.closed["private"].ingress, [])) == 0
      && length(coalesce(aws_default_security_group.closed["private"].egress, [])) == 0
    )
    error_message = "What comes with every network must let nothing through."
  }
}

run "functions_reach_endpoints_and_nothing_else" {
  command = plan

  assert {
    condition = [
      for rule in aws_vpc_security_group_egress_rule.functions_to_endpoints :
      "${rule.security_group_id} to ${rule.referenced_security_group_id}: ${rule.ip_protocol} ${rule.from_port} to ${rule.to_port}"
      if rule.cidr_ipv4 == null && rule.cidr_ipv6 == null
    ] == ["sg-functions to sg-endpoints: tcp 443 to 443"]
    error_message = "Functions must reach interface endpoints by TLS, and no address beside them."
  }

  assert {
    condition = {
      for service, rule in aws_vpc_security_group_egress_rule.functions_to_gateways :
      service => "${rule.security_group_id} to ${rule.prefix_list_id}: ${rule.ip_protocol} ${rule.from_port} to ${rule.to_port}"
      if rule.cidr_ipv4 == null && rule.cidr_ipv6 == null
      } == {
      dynamodb = "sg-functions to pl-dynamodb: tcp 443 to 443"
      s3       = "sg-functions to pl-s3: tcp 443 to 443"
    }
    error_message = "Functions must reach gateway endpoints by their prefix lists."
  }

  assert {
    condition = [
      for rule in aws_vpc_security_group_ingress_rule.endpoints_from_functions :
      "${rule.security_group_id} from ${rule.referenced_security_group_id}: ${rule.ip_protocol} ${rule.from_port} to ${rule.to_port}"
      if rule.cidr_ipv4 == null && rule.cidr_ipv6 == null
    ] == ["sg-endpoints from sg-functions: tcp 443 to 443"]
    error_message = "Endpoints must take TLS from functions alone."
  }
}

run "what_functions_use_has_an_endpoint_for_this_account_alone" {
  command = plan

  assert {
    condition = toset([for endpoint in aws_vpc_endpoint.gateway : endpoint.service_name]) == toset([
      "com.amazonaws.eu-central-1.dynamodb", "com.amazonaws.eu-central-1.s3",
    ])
    error_message = "Tables and buckets are reached by gateways, which cost nothing."
  }

  assert {
    condition = toset([for endpoint in aws_vpc_endpoint.interface : endpoint.service_name]) == toset([
      for service in ["events", "kms", "logs", "secretsmanager", "sns", "sqs", "states"] : "com.amazonaws.eu-central-1.${service}"
    ])
    error_message = "What functions call must be reachable, and nothing may be paid for beside it."
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.interface :
      endpoint.private_dns_enabled && endpoint.security_group_ids == toset(["sg-endpoints"])
    ])
    error_message = "Functions must find endpoints by the services' usual names, behind their group."
  }

  assert {
    condition = [
      for condition in data.aws_iam_policy_document.endpoints.statement[0].condition :
      "${condition.test} ${condition.variable} ${one(condition.values)}"
    ] == ["StringEquals aws:PrincipalAccount 111122223333", "StringEquals aws:ResourceAccount 111122223333"]
    error_message = "An endpoint must carry neither foreign credentials nor anything to foreign resources."
  }

  assert {
    condition = alltrue([
      for endpoint in concat(values(aws_vpc_endpoint.gateway), values(aws_vpc_endpoint.interface)) :
      endpoint.policy == data.aws_iam_policy_document.endpoints.json
    ])
    error_message = "Every endpoint must have the policy."
  }
}

run "flows_are_written_down_and_forgotten" {
  command = plan

  assert {
    condition = (
      aws_flow_log.functions["private"].traffic_type == "ALL"
      && aws_cloudwatch_log_group.flows["private"].kms_key_id == aws_kms_key.class["logs"].arn
      && aws_cloudwatch_log_group.flows["private"].retention_in_days == var.log_retention_days
    )
    error_message = "Flows must be logged, encrypted, and for as long as other logs."
  }

  assert {
    condition = toset([
      for condition in data.aws_iam_policy_document.flows_trust.statement[0].condition : condition.variable
    ]) == toset(["aws:SourceAccount", "aws:SourceArn"])
    error_message = "The role is for flow logs of this account."
  }
}

run "squads_find_the_network_in_the_contract" {
  command = plan

  assert {
    condition = (
      output.platform.network.security_group_id == "sg-functions"
      && length(output.platform.network.subnet_ids) == 3
    )
    error_message = "Functions need subnets and their group."
  }
}

run "rejects_a_network_of_public_addresses" {
  command = plan

  variables {
    network = { cidr = "8.8.0.0/16" }
  }

  expect_failures = [var.network]
}

run "rejects_a_network_too_small_for_its_functions" {
  command = plan

  variables {
    network = { cidr = "10.20.0.0/28" }
  }

  expect_failures = [var.network]
}

run "rejects_a_network_in_one_zone" {
  command = plan

  variables {
    network = { cidr = "10.20.0.0/20", zones = 1 }
  }

  expect_failures = [var.network]
}

run "rejects_more_zones_than_the_region_has" {
  command = plan

  variables {
    network = { cidr = "10.20.0.0/20", zones = 4 }
  }

  expect_failures = [aws_vpc.functions]
}
