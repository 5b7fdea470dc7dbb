# A network without a way out, for functions that may not have one. Everything in it is private; AWS's services are reached
# through endpoints, for resources of this account alone. Without `network` there is none of it: Lambda needs no network of
# ours to reach what functions use.
locals {
  networks = var.network == null ? {} : { private = var.network }
  zones    = var.network == null ? [] : slice(data.aws_availability_zones.usable.names, 0, min(var.network.zones, length(data.aws_availability_zones.usable.names)))

  gateway_services   = toset(["dynamodb", "s3"])
  interface_services = toset(["events", "kms", "logs", "secretsmanager", "sns", "sqs", "states"])
}

# Local zones and the like have no endpoints.
data "aws_availability_zones" "usable" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

resource "aws_vpc" "functions" {
  for_each = local.networks

  cidr_block           = each.value.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = "${var.prefix}-functions" }

  lifecycle {
    precondition {
      condition     = length(data.aws_availability_zones.usable.names) >= each.value.zones
      error_message = "The Region has fewer zones than the network is to have."
    }
  }
}

resource "aws_subnet" "functions" {
  for_each = { for number, zone in local.zones : zone => number }

  vpc_id            = aws_vpc.functions["private"].id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.network.cidr, 2, each.value)

  tags = { Name = "${var.prefix}-functions-${each.key}" }
}

# The routes within the network, and those of the gateway endpoints.
resource "aws_route_table" "functions" {
  for_each = local.networks

  vpc_id = aws_vpc.functions[each.key].id

  tags = { Name = "${var.prefix}-functions" }
}

resource "aws_route_table_association" "functions" {
  for_each = aws_subnet.functions

  subnet_id      = each.value.id
  route_table_id = aws_route_table.functions["private"].id
}

# What comes with every network and lets everything in it talk: taken into hand, so that it lets nothing.
resource "aws_default_security_group" "closed" {
  for_each = local.networks

  vpc_id = aws_vpc.functions[each.key].id
}

resource "aws_security_group" "functions" {
  for_each = local.networks

  name        = "${var.prefix}-functions"
  description = "Functions: to endpoints, and nowhere else."
  vpc_id      = aws_vpc.functions[each.key].id
}

resource "aws_security_group" "endpoints" {
  for_each = local.networks

  name        = "${var.prefix}-endpoints"
  description = "Endpoints: from functions, and from nobody else."
  vpc_id      = aws_vpc.functions[each.key].id
}

resource "aws_vpc_security_group_egress_rule" "functions_to_endpoints" {
  for_each = local.networks

  security_group_id            = aws_security_group.functions[each.key].id
  description                  = "Interface endpoints."
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints[each.key].id
}

resource "aws_vpc_security_group_egress_rule" "functions_to_gateways" {
  for_each = aws_vpc_endpoint.gateway

  security_group_id = aws_security_group.functions["private"].id
  description       = "The gateway endpoint of ${each.key}."
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = each.value.prefix_list_id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_functions" {
  for_each = local.networks

  security_group_id            = aws_security_group.endpoints[each.key].id
  description                  = "Functions."
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.functions[each.key].id
}

# Neither somebody else's credentials nor somebody else's resources: what a function was made to say goes nowhere.
data "aws_iam_policy_document" "endpoints" {
  statement {
    sid       = "ThisAccountAlone"
    actions   = ["*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = { for service in local.gateway_services : service => service if var.network != null }

  vpc_id            = aws_vpc.functions["private"].id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${local.region}.${each.key}"
  route_table_ids   = [aws_route_table.functions["private"].id]
  policy            = data.aws_iam_policy_document.endpoints.json

  tags = { Name = "${var.prefix}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = { for service in local.interface_services : service => service if var.network != null }

  vpc_id              = aws_vpc.functions["private"].id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  subnet_ids          = [for subnet in aws_subnet.functions : subnet.id]
  security_group_ids  = [aws_security_group.endpoints["private"].id]
  private_dns_enabled = true
  policy              = data.aws_iam_policy_document.endpoints.json

  tags = { Name = "${var.prefix}-${each.key}" }
}

# Who talked to whom, and who tried.
resource "aws_cloudwatch_log_group" "flows" {
  for_each = local.networks

  name              = "/${var.prefix}/network-flows"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.class["logs"].arn
}

resource "aws_flow_log" "functions" {
  for_each = local.networks

  vpc_id          = aws_vpc.functions[each.key].id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flows[each.key].arn
  iam_role_arn    = aws_iam_role.flows[each.key].arn
}

data "aws_iam_policy_document" "flows_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:ec2:${local.region}:${local.account_id}:vpc-flow-log/*"]
    }
  }
}

data "aws_iam_policy_document" "flows" {
  statement {
    sid       = "WriteFlows"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.flows : "${group.arn}:*"]
  }
}

resource "aws_iam_role" "flows" {
  for_each = local.networks

  name               = "${var.prefix}-network-flows${local.role_suffix}"
  assume_role_policy = data.aws_iam_policy_document.flows_trust.json
}

resource "aws_iam_role_policy" "flows" {
  for_each = local.networks

  name   = "write-flows"
  role   = aws_iam_role.flows[each.key].id
  policy = data.aws_iam_policy_document.flows.json
}
