# One bus per domain: its owner alone publishes to it, anybody in the account may add rules.
locals {
  domains = toset(["orders", "inventory", "fulfilment", "growth"])
}

resource "aws_cloudwatch_event_bus" "domain" {
  for_each = local.domains

  name               = "${var.prefix}-${each.key}"
  kms_key_identifier = aws_kms_key.class["messaging"].arn
}

resource "aws_cloudwatch_event_archive" "domain" {
  for_each = local.domains

  name             = "${var.prefix}-${each.key}"
  description      = "Everything said on the ${each.key} bus, for replay."
  event_source_arn = aws_cloudwatch_event_bus.domain[each.key].arn
  retention_days   = var.archive_retention_days
}
