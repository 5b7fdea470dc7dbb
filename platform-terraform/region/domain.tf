# A name for the door that does not change with it: `api.<domain>`. Where there are two Regions both have it, and each one
# more that always means itself, by which the other one's health is asked for.
locals {
  door_name = var.domain == null ? null : "api.${var.domain.name}"

  door_names = var.domain == null ? {} : merge(
    { shared = local.door_name },
    { for region in local.peers : "own" => "${local.region}.${local.door_name}" },
  )
  certificates = toset(local.door_name[*])
}

resource "aws_acm_certificate" "door" {
  for_each = local.certificates

  domain_name               = each.value
  subject_alternative_names = [for name in values(local.door_names) : name if name != each.value]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = local.door_names

  zone_id = var.domain.zone_id
  name    = local.validation[each.value].resource_record_name
  type    = local.validation[each.value].resource_record_type
  records = [local.validation[each.value].resource_record_value]
  ttl     = 300

  # ACM asks an account for the same record in every Region.
  allow_overwrite = true
}

locals {
  validation = merge([
    for certificate in aws_acm_certificate.door :
    { for option in certificate.domain_validation_options : option.domain_name => option }
  ]...)
}

resource "aws_acm_certificate_validation" "door" {
  for_each = local.certificates

  certificate_arn         = aws_acm_certificate.door[each.key].arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_api_gateway_domain_name" "door" {
  for_each = local.door_names

  domain_name              = each.value
  regional_certificate_arn = aws_acm_certificate_validation.door[local.door_name].certificate_arn
  security_policy          = "TLS_1_2"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_base_path_mapping" "door" {
  for_each = local.door_names

  api_id      = aws_api_gateway_rest_api.door.id
  stage_name  = aws_api_gateway_stage.live.stage_name
  domain_name = aws_api_gateway_domain_name.door[each.key].domain_name
}
