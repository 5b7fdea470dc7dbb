# What Config holds resources to: rules of AWS, and rules of our own in the language of Guard, one file each in rules/.
locals {
  managed_rules = {
    access-keys-rotated             = { identifier = "ACCESS_KEYS_ROTATED", parameters = { maxAccessKeyAge = "90" } }
    api-gateway-logs                = { identifier = "API_GW_EXECUTION_LOGGING_ENABLED", parameters = {} }
    cloudtrail-enabled              = { identifier = "CLOUD_TRAIL_ENABLED", parameters = {} }
    functions-not-public            = { identifier = "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED", parameters = {} }
    guardduty-enabled               = { identifier = "GUARDDUTY_ENABLED_CENTRALIZED", parameters = {} }
    keys-not-scheduled-for-deletion = { identifier = "KMS_CMK_NOT_SCHEDULED_FOR_DELETION", parameters = {} }
    log-groups-encrypted            = { identifier = "CLOUDWATCH_LOG_GROUP_ENCRYPTED", parameters = {} }
    log-groups-retained             = { identifier = "CW_LOGGROUP_RETENTION_PERIOD_CHECK", parameters = { MinRetentionTime = "1" } }
    policies-without-full-access    = { identifier = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS", parameters = {} }
    root-user-without-keys          = { identifier = "IAM_ROOT_ACCESS_KEY_CHECK", parameters = {} }
    buckets-block-public-access     = { identifier = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", parameters = {} }
    buckets-by-tls-only             = { identifier = "S3_BUCKET_SSL_REQUESTS_ONLY", parameters = {} }
    secrets-rotated                 = { identifier = "SECRETSMANAGER_ROTATION_ENABLED_CHECK", parameters = {} }
    state-machines-with-logs        = { identifier = "STEP_FUNCTIONS_STATE_MACHINE_LOGGING_ENABLED", parameters = {} }
  }

  own_rules = {
    buckets-encrypted-by-customer-key = { type = "AWS::S3::Bucket", description = "Buckets are encrypted by a customer's key." }
    queues-encrypted-by-customer-key  = { type = "AWS::SQS::Queue", description = "Queues are encrypted by a customer's key." }
    queues-have-dead-letter-queue     = { type = "AWS::SQS::Queue", description = "A queue has a dead-letter queue, or is one." }
    tables-encrypted-by-customer-key  = { type = "AWS::DynamoDB::Table", description = "Tables are encrypted by a customer's key." }
    tables-have-recovery              = { type = "AWS::DynamoDB::Table", description = "Tables can be brought back to any second." }
    topics-encrypted-by-customer-key  = { type = "AWS::SNS::Topic", description = "Topics are encrypted by a customer's key." }
  }
}

resource "aws_config_config_rule" "managed" {
  for_each = local.managed_rules

  name             = "${var.prefix}-${each.key}"
  input_parameters = length(each.value.parameters) > 0 ? jsonencode(each.value.parameters) : null

  source {
    owner             = "AWS"
    source_identifier = each.value.identifier
  }

  depends_on = [aws_config_configuration_recorder.account]
}

resource "aws_config_config_rule" "own" {
  for_each = { for name, rule in local.own_rules : name => rule if var.in_force.guard_rules }

  name        = "${var.prefix}-${each.key}"
  description = each.value.description

  scope {
    compliance_resource_types = [each.value.type]
  }

  source {
    owner = "CUSTOM_POLICY"

    source_detail {
      message_type = "ConfigurationItemChangeNotification"
    }

    custom_policy_details {
      policy_runtime = "guard-2.x.x"
      policy_text    = file("${path.module}/rules/${each.key}.guard")
    }
  }

  depends_on = [aws_config_configuration_recorder.account]
}
