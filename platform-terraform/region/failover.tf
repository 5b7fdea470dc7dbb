# Where the door's name leads. With one Region, there. With two, to the home Region until the standby says of itself that it
# works.
#
# The name follows the switch and not the health of the home Region: a Region that fails and comes back by itself must not
# be led to before somebody has fenced it. The check lies with the standby, so that it needs nothing of the Region that
# failed; it is inverted, so that a standby which is gone leaves the name where it is.
locals {
  failover = { for region in local.peers : region => local.door_name if var.domain != null }
}

resource "aws_route53_health_check" "home" {
  for_each = local.owns_tables ? local.failover : {}

  fqdn               = "${each.key}.${each.value}"
  type               = "HTTPS"
  port               = 443
  resource_path      = "/health"
  request_interval   = 10
  failure_threshold  = 3
  invert_healthcheck = true

  tags = { Name = "${var.prefix}: ${local.region} may be led to" }
}

# Each Region's own name, and without a second one the shared name too.
resource "aws_route53_record" "door" {
  for_each = { for kind, name in local.door_names : kind => name if kind == "own" || length(local.failover) == 0 }

  zone_id = var.domain.zone_id
  name    = each.value
  type    = "A"

  alias {
    name                   = aws_api_gateway_domain_name.door[each.key].regional_domain_name
    zone_id                = aws_api_gateway_domain_name.door[each.key].regional_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "failover" {
  for_each = local.failover

  zone_id         = var.domain.zone_id
  name            = each.value
  type            = "A"
  set_identifier  = local.region
  health_check_id = one([for check in aws_route53_health_check.home : check.id])

  failover_routing_policy {
    type = local.owns_tables ? "PRIMARY" : "SECONDARY"
  }

  alias {
    name                   = aws_api_gateway_domain_name.door["shared"].regional_domain_name
    zone_id                = aws_api_gateway_domain_name.door["shared"].regional_zone_id
    evaluate_target_health = false
  }
}
