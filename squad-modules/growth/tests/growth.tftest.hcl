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

run "a_message_stays_hidden_for_six_times_its_functions_timeout" {
  command = plan

  assert {
    condition = alltrue([
      for name, subscription in module.subscription :
      subscription.visibility_timeout_seconds >= 6 * module.function[name].timeout_seconds
    ])
    error_message = "A message must not come back while it is still being worked on."
  }
}

run "longer_timeouts_hide_messages_for_longer" {
  command = plan

  variables {
    function_timeout_seconds = { notify_customer = 60 }
  }

  assert {
    condition = (
      module.function["notify_customer"].timeout_seconds == 60
      && module.subscription["notify_customer"].visibility_timeout_seconds >= 360
    )
    error_message = "The queue must follow the timeout of its function."
  }
}

run "messages_are_delivered_often_enough" {
  command = plan

  assert {
    condition     = alltrue([for name, subscription in local.subscriptions : subscription.max_receive_count == 5]) && local.publish_stock_max_receive_count == 20
    error_message = "A message must be delivered five times before it is given up, and twenty times to a marketplace, which may be away for minutes."
  }
}

run "every_consumer_has_a_queue_with_a_dead_letter_queue" {
  assert {
    condition     = toset(keys(module.subscription)) == toset(["accrue_loyalty", "notify_customer", "route_stock"])
    error_message = "These functions consume; the others are called."
  }

  assert {
    condition     = alltrue([for subscription in module.subscription : subscription.queue.dlq_arn != null])
    error_message = "A queue must have a dead-letter queue."
  }
}

run "rules_hear_facts_on_the_bus_of_whoever_states_them" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for subscription in local.subscriptions : [
        for rule in values(subscription.rules) :
        rule.bus == "default" ? rule.sources == ["aws.states"] : rule.sources == ["lakeside.${trimprefix(rule.bus, "lakeside-")}"]
      ]
    ]))
    error_message = "Only the owner of a bus publishes to it."
  }
}

run "functions_reach_only_the_items_that_are_their_business" {
  command = plan

  assert {
    condition = {
      for name, function in local.functions : name => {
        for grant in values(function.tables) : join(" ", grant.leading_keys) => join(" ", sort(grant.actions))
      }
      } == {
      accrue_loyalty = { "LOYALTY#* ACCOUNT#*" = "PutItem UpdateItem", "LOYALTY#*" = "GetItem" }
      notify_customer = {
        "NOTICE#* LEASE#notify-customer#*" = "PutItem"
        "NOTICE#*"                         = "GetItem Query"
        "LEASE#notify-customer#*"          = "DeleteItem"
        "CUSTOMER#*"                       = "GetItem"
      }
      route_stock = {}
      publish_stock = {
        "LISTING#* LEASE#publish-stock#*" = "PutItem"
        "LISTING#*"                       = "GetItem"
        "LEASE#publish-stock#*"           = "DeleteItem"
      }
    }
    error_message = "Whoever changes this list changes who may read or write what."
  }

  assert {
    condition = {
      for name, function in local.functions : name => keys(function.statements) if length(function.statements) > 0
      } == {
      notify_customer = ["DecryptTheDirectory"]
      route_stock     = ["EncryptMessages"]
      publish_stock   = ["ReadCredentials"]
    }
    error_message = "Only who tells customers may reach them, and only who tells marketplaces has what opens these."
  }
}

run "who_tells_customers_learns_how_to_reach_them_and_nothing_else" {
  command = plan

  assert {
    condition = (
      toset(local.functions.notify_customer.tables.ReadContacts.attributes) == toset(["email", "phone", "preferredChannel"])
      && local.functions.notify_customer.tables.ReadContacts.arn == "arn:aws:dynamodb:eu-central-1:111122223333:table/lakeside-directory"
    )
    error_message = "Names and addresses are no business of messages."
  }
}

run "messages_go_to_phones_and_to_no_topic" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.send_messages.statement :
      statement.actions == toset(["sns:Publish"])
      && statement.not_resources == toset(["arn:aws:sns:*:*:*"])
      && length(coalesce(statement.resources, [])) == 0
    ])
    error_message = "Nothing but publishing, and to nothing that has a name."
  }
}

run "the_post_is_used_for_mail_and_messages_alone" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.send_messages.statement : statement.actions
    ])) == toset(["ses:SendEmail", "sns:Publish"])
    error_message = "Whoever changes this list changes who may write to customers."
  }
}

run "mail_comes_from_the_sender_and_nobody_else" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.send_messages.statement :
      statement.actions == toset(["ses:SendEmail"]) && anytrue([
        for condition in statement.condition :
        condition.variable == "ses:FromAddress" && condition.values == tolist(["orders@example.com"])
      ])
    ])
    error_message = "Nobody may write in another name."
  }
}

run "mail_comes_from_the_senders_domain" {
  command = plan

  assert {
    condition = (
      aws_sesv2_email_identity.sender.email_identity == "example.com"
      && local.functions.notify_customer.environment.SENDER_ADDRESS == "orders@example.com"
    )
    error_message = "SES must know the domain that mails come from."
  }
}

run "points_are_earned_at_the_rate_that_is_set" {
  command = plan

  variables {
    loyalty_minor_per_point = 250
    loyalty_currency        = "EUR"
  }

  assert {
    condition = (
      local.functions.accrue_loyalty.environment.LOYALTY_MINOR_PER_POINT == "250"
      && local.functions.accrue_loyalty.environment.LOYALTY_CURRENCY == "EUR"
    )
    error_message = "What is set must be what the function does."
  }
}

run "every_marketplace_has_a_queue_in_order_a_mapping_and_a_secret" {
  command = plan

  assert {
    condition = alltrue([
      for made in [keys(module.marketplace_queue), keys(module.marketplace), keys(aws_secretsmanager_secret.marketplace)] :
      toset(made) == toset(["alpine-market", "trailhead"])
    ])
    error_message = "One that is slow or broken must hold up no other."
  }

  assert {
    condition = alltrue([
      for name, queue in module.marketplace_queue : queue.name == "lakeside-publish-stock-${name}.fifo"
    ])
    error_message = "Levels of one SKU must arrive in order."
  }

  assert {
    condition = alltrue([
      for queue in module.marketplace_queue :
      queue.visibility_timeout_seconds >= 6 * module.function["publish_stock"].timeout_seconds
    ])
    error_message = "A message must not come back while it is still being worked on."
  }
}

run "a_longer_timeout_hides_levels_for_longer" {
  command = plan

  variables {
    function_timeout_seconds = { publish_stock = 30 }
  }

  assert {
    condition = (
      module.function["publish_stock"].timeout_seconds == 30
      && alltrue([for queue in module.marketplace_queue : queue.visibility_timeout_seconds == 180])
    )
    error_message = "The queues must follow the timeout of their function."
  }
}

run "the_router_sends_to_the_queues_that_are_consumed" {
  command = plan

  assert {
    condition = (
      keys(local.routes) == ["route_stock"]
      && local.routes.route_stock.statements == { SendToMarketplaces = { actions = ["sqs:SendMessage"], resources = [for queue in module.marketplace_queue : queue.arn] } }
      && jsondecode(local.routes.route_stock.environment.MARKETPLACE_QUEUES) == { for name, queue in module.marketplace_queue : name => queue.url }
    )
    error_message = "It must know the queue of each marketplace, and may send to no other."
  }
}

run "credentials_are_read_by_one_function_and_are_in_no_setting" {
  command = plan

  assert {
    condition = alltrue([
      for name, secret in aws_secretsmanager_secret.marketplace : alltrue([
        secret.kms_key_id == local.platform.keys.data,
        secret.name == "lakeside-growth/marketplaces/${name}",
        secret.recovery_window_in_days == 30,
      ])
    ])
    error_message = "Secrets are under the key for data, and are kept for a while when they are deleted."
  }

  assert {
    condition = {
      for name, function in local.functions : name => function.statements.ReadCredentials.resources
      if contains(keys(function.statements), "ReadCredentials")
    } == { publish_stock = [for secret in aws_secretsmanager_secret.marketplace : secret.arn] }
    error_message = "Exactly these secrets, for exactly this function."
  }

  assert {
    condition = jsondecode(local.functions.publish_stock.environment.MARKETPLACES) == {
      for name, secret in aws_secretsmanager_secret.marketplace : name => { url = var.marketplaces[name].url, secret = secret.arn }
    }
    error_message = "A function's settings name secrets and hold none."
  }
}

run "what_nobody_was_told_and_nothing_shows_is_seen" {
  assert {
    condition = alltrue([
      for metric, counted in {
        "levels-refused"        = { outcome = "REFUSED", function = "publish-stock", topic = local.platform.alarm_topic_arn }
        "levels-unauthorized"   = { outcome = "UNAUTHORIZED", function = "publish-stock", topic = local.platform.alarm_topic_arn }
        "notices-uncertain"     = { outcome = "UNCERTAIN", function = "notify-customer", topic = local.platform.ticket_topic_arn }
        "notices-undeliverable" = { outcome = "UNDELIVERABLE", function = "notify-customer", topic = local.platform.ticket_topic_arn }
      } :
      aws_cloudwatch_log_metric_filter.outcome[metric].pattern == "{ $.outcome = \"${counted.outcome}\" }"
      && aws_cloudwatch_log_metric_filter.outcome[metric].log_group_name == "/aws/lambda/lakeside-${counted.function}"
      && aws_cloudwatch_log_metric_filter.outcome[metric].metric_transformation[0].name == metric
      && module.alarms.alarms["lakeside-${metric}"].metrics.outcomes.name == metric
      && module.alarms.alarms["lakeside-${metric}"].metrics.outcomes.namespace == aws_cloudwatch_log_metric_filter.outcome[metric].metric_transformation[0].namespace
      && module.alarms.alarms["lakeside-${metric}"].threshold == 0
      && module.alarms.alarms["lakeside-${metric}"].topic_arn == counted.topic
    ])
    error_message = "Each outcome must be counted, and reach whoever it is for."
  }
}

run "buyers_are_told_of_levels_at_the_threshold_and_below" {
  command = plan

  variables {
    low_stock_units = 25
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.low_stock.event_pattern) == {
        account       = ["111122223333"]
        source        = ["lakeside.inventory"]
        "detail-type" = ["StockLevelChanged"]
        "replay-name" = [{ exists = false }]
        detail        = { data = { available = [{ numeric = ["<=", 25] }] } }
      }
      && aws_cloudwatch_event_rule.low_stock.event_bus_name == "lakeside-inventory"
    )
    error_message = "The rule decides by the level alone, as it is said for the first time, on the bus of whoever states it."
  }
}

run "an_alert_is_a_sentence_without_anything_of_a_customer" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_event_target.low_stock.input_transformer[0].input_paths == tomap({
        sku       = "$.detail.data.sku"
        available = "$.detail.data.available"
        version   = "$.detail.data.version"
        at        = "$.detail.metadata.occurredAt"
      })
      && strcontains(
        aws_cloudwatch_event_target.low_stock.input_transformer[0].input_template,
        "\"alert\": \"<sku> runs low: <available> units may still be promised, as of <at>.\""
      )
    )
    error_message = "Whoever changes this list changes what leaves the platform by mail."
  }
}

run "only_the_rule_may_publish_alerts_and_park_them" {
  command = plan

  assert {
    condition = alltrue([
      for name, action in { topic = "sns:Publish", dlq = "sqs:SendMessage" } :
      length(data.aws_iam_policy_document.low_stock[name].statement) == 1
      && alltrue([
        for statement in data.aws_iam_policy_document.low_stock[name].statement :
        statement.actions == toset([action])
        && one(statement.principals).identifiers == toset(["events.amazonaws.com"])
        && one(statement.condition).variable == "aws:SourceArn"
        && one(statement.condition).test == "ArnEquals"
        && one(statement.condition).values == tolist([aws_cloudwatch_event_rule.low_stock.arn])
      ])
    ])
    error_message = "Topic and dead-letter queue are open to this rule and to nobody else."
  }
}

run "alerts_are_encrypted_tried_for_a_while_and_then_parked" {
  command = plan

  assert {
    condition = (
      aws_sns_topic.low_stock.kms_master_key_id == local.platform.keys.messaging
      && aws_sqs_queue.low_stock_dlq.kms_master_key_id == local.platform.keys.messaging
      && aws_cloudwatch_event_target.low_stock.dead_letter_config[0].arn == aws_sqs_queue.low_stock_dlq.arn
      && aws_cloudwatch_event_target.low_stock.retry_policy[0].maximum_retry_attempts == 20
      && aws_cloudwatch_event_target.low_stock.retry_policy[0].maximum_event_age_in_seconds == 3600
      && module.low_stock_alarms.alarms["lakeside-low-stock-dead-letters"].topic_arn == local.platform.ticket_topic_arn
    )
    error_message = "An alert that cannot be delivered must not vanish."
  }
}

run "buyers_are_told_of_what_they_buy" {
  command = plan

  variables {
    low_stock_subscriptions = {
      all   = { address = "stock@example.com" }
      tents = { address = "tents@example.com", sku_prefixes = ["TENT-", "TARP-"], units = 10 }
    }
  }

  assert {
    condition = (
      aws_sns_topic_subscription.low_stock["all"].filter_policy == null
      && aws_sns_topic_subscription.low_stock["tents"].endpoint == "tents@example.com"
      && aws_sns_topic_subscription.low_stock["tents"].filter_policy_scope == "MessageBody"
      && jsondecode(aws_sns_topic_subscription.low_stock["tents"].filter_policy) == {
        sku       = [{ prefix = "TENT-" }, { prefix = "TARP-" }]
        available = [{ numeric = ["<=", 10] }]
      }
    )
    error_message = "A subscription must be narrowed to what it names."
  }
}

run "a_function_joins_the_network_when_asked" {
  command = plan

  variables {
    network_functions = ["accrue_loyalty"]
  }

  assert {
    condition     = [for name, function in module.function : name if function.in_network] == ["accrue_loyalty"]
    error_message = "The functions that were named must be in the network, and no others."
  }
}

run "a_table_buys_its_capacity_ahead_when_asked" {
  command = plan

  variables {
    table_capacity = { growth = { read = { min = 5, max = 50 }, write = { min = 5, max = 50 } } }
  }

  assert {
    condition     = module.table.billing_mode == "PROVISIONED"
    error_message = "The table that was named must have capacity."
  }
}

run "operations_find_every_dead_letter_queue" {
  assert {
    condition = module.operations.queues == toset(concat(
      ["accrue-loyalty", "growth-publish-outbox", "low-stock", "notify-customer", "route-stock"],
      [for name in keys(var.marketplaces) : "publish-stock-${name}"],
      [for domain in keys(local.analytics) : "analytics"],
    ))
    error_message = "Whoever gives a message up must give it up where operations look."
  }
}
