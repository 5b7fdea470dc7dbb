mock_provider "aws" {
  source = "../../platform-terraform/testing"
}

variables {
  environment   = "test"
  artifacts_dir = "tests/artifacts"
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
    function_timeout_seconds = { reserve_stock = 60 }
  }

  assert {
    condition = (
      module.function["reserve_stock"].timeout_seconds == 60
      && module.subscription["reserve_stock"].visibility_timeout_seconds >= 360
    )
    error_message = "The queue must follow the timeout of its function."
  }
}

run "messages_are_delivered_often_enough" {
  command = plan

  assert {
    condition     = alltrue([for name, subscription in local.subscriptions : subscription.max_receive_count == 5])
    error_message = "A message must be delivered five times before it is given up."
  }
}

run "every_consumer_has_a_queue_with_a_dead_letter_queue" {
  assert {
    condition     = toset(keys(module.subscription)) == toset(["adjust_stock", "project_store_stock", "reserve_stock"])
    error_message = "These functions consume; the others are called."
  }

  assert {
    condition     = toset(keys(module.schedule)) == toset(["reconcile_stock", "sweep_reservations"])
    error_message = "These functions run by the clock."
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
      } if name != "stock_query"
      } == {
      adjust_stock = {
        "SKU#* ADJUSTMENT#*" = "ConditionCheckItem GetItem PutItem UpdateItem"
        "SKU#*"              = "Query"
        "SALE#*"             = "PutItem"
      }
      reconcile_stock = {
        "STOCK#*"                  = "Query"
        "SKU#*"                    = "Query UpdateItem"
        "POSITION#reconcile-stock" = "GetItem PutItem"
      }
      reserve_stock = {
        "SKU#* RESERVATION#*" = "ConditionCheckItem PutItem UpdateItem"
        "SKU#*"               = "Query"
        "RESERVATION#*"       = "BatchGetItem"
      }
      release_stock = {
        "SKU#* RESERVATION#* ALLOCATION#*" = "UpdateItem"
        "RESERVATION#* ALLOCATION#*"       = "GetItem PutItem"
      }
      sweep_reservations = { "HELD#*" = "Query", "SKU#* RESERVATION#*" = "UpdateItem", "RESERVATION#*" = "GetItem" }
      allocate = {
        "SKU#* RESERVATION#* ALLOCATION#*" = "PutItem UpdateItem"
        "RESERVATION#* ALLOCATION#*"       = "GetItem"
        "SKU#*"                            = "Query"
      }
      publish_levels      = { "SKU#*" = "Query" }
      project_store_stock = { "SKU#*" = "PutItem" }
    }
    error_message = "Whoever changes this list changes who may read or write what."
  }

  assert {
    condition = {
      for grant in values(local.functions.stock_query.tables) : join(" ", grant.leading_keys) => [
        grant.actions, endswith(grant.arn, "/index/stock-by-node"),
      ]
      } == {
      "SKU#*"  = [["Query"], false]
      "NODE#*" = [["Query"], true]
    }
    error_message = "Whoever changes this list changes who may read or write what."
  }

  assert {
    condition = {
      for name, function in local.functions : name => keys(function.statements) if length(function.statements) > 0
    } == { publish_levels = ["Publish"], reserve_stock = ["AnswerTheSaga"] }
    error_message = "Only who is asked by a token may answer it, and only who tells of levels may speak on the bus."
  }
}

run "levels_are_told_of_every_write_to_a_pool_or_node" {
  command = plan

  assert {
    condition = [for pattern in local.writes_of_stock : jsondecode(pattern)] == [{
      eventName = ["INSERT", "MODIFY"]
      dynamodb  = { Keys = { pk = { S = [{ prefix = "SKU#" }] } } }
    }]
    error_message = "What is put on sale and what is moved must both be told of, and nothing of orders."
  }

  assert {
    condition     = local.functions.publish_levels.statements.Publish.resources == [local.platform.buses["inventory"].arn]
    error_message = "Levels are told on the squad's own bus."
  }

  assert {
    condition = toset(local.subscriptions.project_store_stock.rules.inventory.detail_types) == toset([
      "NodeStockChanged", "StockLevelChanged",
    ])
    error_message = "The view is made of levels and nothing else."
  }
}

run "customers_read_stock_through_the_door_alone" {
  command = plan

  assert {
    condition = alltrue([
      for permission in aws_lambda_permission.door :
      permission.principal == "apigateway.amazonaws.com" && permission.qualifier == "live"
    ])
    error_message = "The permission must be for the door, and for the alias."
  }

  assert {
    condition = toset([for permission in aws_lambda_permission.door : permission.source_arn]) == toset([
      "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/*/GET/stock/*",
      "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/*/GET/stores/*/stock",
    ])
    error_message = "The permission must be for reading stock."
  }
}

run "others_find_what_inventory_offers" {
  command = plan

  assert {
    condition = (
      aws_ssm_parameter.contract.name == "/lakeside/inventory/v1"
      && jsondecode(aws_ssm_parameter.contract.value) == output.inventory
    )
    error_message = "The contract must be published where others look for it."
  }

  assert {
    condition = alltrue([
      output.inventory.reserve_stock.queue_arn == module.subscription["reserve_stock"].queue.arn,
      output.inventory.adjust_stock.queue_arn == module.subscription["adjust_stock"].queue.arn,
      output.inventory.adjust_stock.queue_url == module.subscription["adjust_stock"].queue.url,
      output.inventory.adjust_stock.queue_name == "lakeside-adjust-stock",
      output.inventory.functions.allocate == module.function["allocate"].alias_arn,
      output.inventory.functions.release_stock == module.function["release_stock"].alias_arn,
    ])
    error_message = "The contract must name the queue and the aliases."
  }
}

run "who_waits_for_stock_knows_how_long_it_is_held" {
  command = plan

  variables {
    reservation_hold_seconds = 7200
  }

  assert {
    condition = (
      output.inventory.reservation_hold_seconds == 7200
      && local.functions.reserve_stock.environment.RESERVATION_HOLD_SECONDS == "7200"
    )
    error_message = "What is promised must be what the function does."
  }
}

run "a_sku_whose_counts_differ_pages_and_so_does_a_comparison_that_never_ends" {
  command = plan

  assert {
    condition = alltrue([
      for name in ["stock-differs", "stock-not-compared"] :
      one(values(module.alarms.alarms["lakeside-${name}"].metrics)).name == "StockDifferences"
      && one(values(module.alarms.alarms["lakeside-${name}"].metrics)).dimensions == tomap({ Function = "lakeside-reconcile-stock" })
      && module.alarms.alarms["lakeside-${name}"].topic_arn == local.platform.alarm_topic_arn
    ])
    error_message = "What the function counts must be what the alarms look at."
  }

  assert {
    condition = (
      module.alarms.alarms["lakeside-stock-differs"].threshold == 0
      && module.alarms.alarms["lakeside-stock-differs"].missing == "notBreaching"
      && module.alarms.alarms["lakeside-stock-not-compared"].missing == "breaching"
    )
    error_message = "One difference must ring, and so must silence, each by its own name."
  }
}

run "a_function_joins_the_network_when_asked" {
  command = plan

  variables {
    network_functions = ["stock_query"]
  }

  assert {
    condition     = [for name, function in module.function : name if function.in_network] == ["stock_query"]
    error_message = "The functions that were named must be in the network, and no others."
  }
}

run "a_table_buys_its_capacity_ahead_when_asked" {
  command = plan

  variables {
    table_capacity = { inventory = { read = { min = 5, max = 50 }, write = { min = 5, max = 50 } } }
  }

  assert {
    condition     = module.table.billing_mode == "PROVISIONED"
    error_message = "The table that was named must have capacity."
  }

  assert {
    condition     = module.store_stock_table.billing_mode == "PAY_PER_REQUEST"
    error_message = "A table that was not named is paid by use."
  }
}

run "operations_find_every_dead_letter_queue" {
  assert {
    condition = module.operations.queues == toset([
      "adjust-stock",
      "inventory-publish-outbox",
      "project-store-stock",
      "publish-levels",
      "reconcile-stock",
      "reserve-stock",
      "sweep-reservations",
    ])
    error_message = "Whoever gives a message up must give it up where operations look."
  }
}
