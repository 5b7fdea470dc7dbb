mock_provider "aws" {
  source = "../../platform-terraform/testing"
}

variables {
  environment    = "test"
  artifacts_dir  = "tests/artifacts"
  sender_address = "orders@example.com"
  marketplaces = {
    alpine-market = { url = "https://stock.alpine.example.com" }
    trailhead     = { url = "https://api.trailhead.example.com/lakeside" }
  }
}

run "every_event_there_is_a_contract_for_is_kept" {
  command = plan

  assert {
    condition = alltrue([
      for domain, rule in aws_cloudwatch_event_rule.analytics :
      rule.event_bus_name == "lakeside-${domain}"
      && jsondecode(rule.event_pattern).account == ["111122223333"]
      && jsondecode(rule.event_pattern).source == ["lakeside.${domain}"]
      && length(jsondecode(rule.event_pattern)["detail-type"]) == length(fileset("../../contracts/events/${domain}", "*/v1.schema.json"))
      && length(rule.event_pattern) <= 2048
    ])
    error_message = "A contract that no rule hears, or a pattern longer than EventBridge takes."
  }

  assert {
    condition = (
      keys(aws_cloudwatch_event_rule.analytics) == ["fulfilment", "growth", "inventory", "orders"]
      && contains(jsondecode(aws_cloudwatch_event_rule.analytics["orders"].event_pattern)["detail-type"], "OrderCreated")
      && contains(jsondecode(aws_cloudwatch_event_rule.analytics["inventory"].event_pattern)["detail-type"], "StockLevelChanged")
    )
    error_message = "Every bus must have a rule, by the names that events have."
  }
}

run "what_cannot_be_handed_over_is_tried_for_a_day_and_then_parked" {
  assert {
    condition = alltrue([
      for domain, target in aws_cloudwatch_event_target.analytics :
      target.arn == aws_kinesis_firehose_delivery_stream.analytics[domain].arn
      && target.dead_letter_config[0].arn == aws_sqs_queue.analytics_dlq["events"].arn
      && target.retry_policy[0].maximum_retry_attempts == 185
      && target.retry_policy[0].maximum_event_age_in_seconds == 86400
    ])
    error_message = "An event that a stream does not take must not vanish."
  }

  assert {
    condition = (
      one(data.aws_iam_policy_document.analytics_dlq.statement[0].condition).variable == "aws:SourceArn"
      && length(one(data.aws_iam_policy_document.analytics_dlq.statement[0].condition).values) == 4
      && module.analytics_alarms["events"].alarms["lakeside-analytics-dead-letters"].topic_arn == local.platform.ticket_topic_arn
    )
    error_message = "The dead-letter queue is open to these rules alone, and somebody hears of it."
  }
}

run "events_lie_by_domain_and_day_one_to_a_line_compressed_and_encrypted" {
  command = plan

  assert {
    condition = alltrue([
      for domain, stream in aws_kinesis_firehose_delivery_stream.analytics : (
        stream.extended_s3_configuration[0].prefix == "events/domain=${domain}/day=!{timestamp:yyyy-MM-dd}/"
        && startswith(stream.extended_s3_configuration[0].error_output_prefix, "errors/domain=${domain}/")
        && strcontains(stream.extended_s3_configuration[0].error_output_prefix, "!{firehose:error-output-type}")
        && stream.extended_s3_configuration[0].custom_time_zone == "UTC"
        && stream.extended_s3_configuration[0].compression_format == "GZIP"
        && stream.extended_s3_configuration[0].kms_key_arn == local.platform.keys.data
        && stream.extended_s3_configuration[0].processing_configuration[0].processors[0].type == "AppendDelimiterToRecord"
        && stream.server_side_encryption[0].key_arn == local.platform.keys.messaging
      )
    ])
    error_message = "A query must find every event where the table says, and nobody must read it on the way."
  }
}

run "the_table_computes_exactly_the_places_that_the_streams_write_to" {
  command = plan

  assert {
    condition = alltrue([
      for domain, stream in aws_kinesis_firehose_delivery_stream.analytics :
      replace(
        replace(aws_glue_catalog_table.events["events"].parameters["storage.location.template"], "$${domain}", domain),
        "$${day}", "!{timestamp:${aws_glue_catalog_table.events["events"].parameters["projection.day.format"]}}"
      ) == "s3://${aws_s3_bucket.analytics["events"].bucket}/${stream.extended_s3_configuration[0].prefix}"
    ])
    error_message = "Streams and table must agree, or queries find nothing."
  }

  assert {
    condition = (
      aws_glue_catalog_table.events["events"].parameters["projection.domain.values"] == "fulfilment,growth,inventory,orders"
      && [for key in aws_glue_catalog_table.events["events"].partition_keys : key.name] == ["domain", "day"]
      && aws_glue_catalog_table.events["events"].storage_descriptor[0].ser_de_info[0].parameters["mapping.detail_type"] == "detail-type"
    )
    error_message = "The table must know every domain, and every column its field."
  }
}

run "nobody_outside_reads_the_bucket_and_nobody_in_plain" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket_public_access_block.analytics["events"].block_public_acls
      && aws_s3_bucket_public_access_block.analytics["events"].block_public_policy
      && aws_s3_bucket_public_access_block.analytics["events"].ignore_public_acls
      && aws_s3_bucket_public_access_block.analytics["events"].restrict_public_buckets
      && one(one(aws_s3_bucket_server_side_encryption_configuration.analytics["events"].rule).apply_server_side_encryption_by_default).kms_master_key_id == local.platform.keys.data
      && keys(aws_s3_bucket_policy.analytics) == ["events"]
      && data.aws_iam_policy_document.lake.statement[0].effect == "Deny"
      && one(data.aws_iam_policy_document.lake.statement[0].condition).variable == "aws:SecureTransport"
    )
    error_message = "Events name nobody, and are nobody else's business all the same."
  }

  assert {
    condition     = !aws_s3_bucket.analytics["events"].force_destroy
    error_message = "A bucket with events in it must not go by mistake."
  }
}

run "rules_hand_over_and_streams_write_and_neither_may_more" {
  command = plan

  assert {
    condition = (
      toset(flatten([for statement in data.aws_iam_policy_document.analytics_rules.statement : statement.actions]))
      == toset(["firehose:PutRecord", "firehose:PutRecordBatch"])
      && toset(flatten([for statement in data.aws_iam_policy_document.analytics_rules.statement : statement.resources])) == toset([
        for stream in aws_kinesis_firehose_delivery_stream.analytics :
        "arn:aws:firehose:eu-central-1:111122223333:deliverystream/${stream.name}"
      ])
      && length(one(data.aws_iam_policy_document.analytics_rules_trust.statement[0].condition).values) == 4
      && one(data.aws_iam_policy_document.analytics_streams_trust.statement[0].condition).variable == "sts:ExternalId"
    )
    error_message = "Only these rules hand over, and only this account's streams write."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.analytics_streams.statement : statement.sid => sort(statement.actions)
      } == {
      FindTheBucket    = tolist(["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"])
      Write            = tolist(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"])
      Encrypt          = tolist(["kms:Decrypt", "kms:GenerateDataKey"])
      SayWhatWentWrong = tolist(["logs:PutLogEvents"])
    }
    error_message = "Whoever changes this list changes what may be done with events that were kept."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.analytics_streams.statement : alltrue([
        for resource in statement.resources : endswith(resource, "/events/*") || endswith(resource, "/errors/*")
      ]) if statement.sid == "Write"
    ])
    error_message = "Streams write where the lifecycle looks."
  }
}

run "events_go_after_their_time" {
  command = plan

  variables {
    analytics_retention_days = 400
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.analytics["events"].rule :
      rule.id => one(rule.expiration).days if length(rule.expiration) > 0
    } == { events = 400, errors = 90 }
    error_message = "What is kept must end when it is said to."
  }
}

run "analytics_can_be_left_out" {
  command = plan

  variables {
    analytics = false
  }

  assert {
    condition = (
      length(aws_cloudwatch_event_rule.analytics) + length(aws_kinesis_firehose_delivery_stream.analytics)
      + length(aws_s3_bucket.analytics) + length(aws_glue_catalog_table.events) + length(aws_iam_role.analytics_rules) == 0
    )
    error_message = "Nothing of it must be left."
  }
}
