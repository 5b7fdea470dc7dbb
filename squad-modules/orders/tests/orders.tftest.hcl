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
    function_timeout_seconds = { order_ingest = 60 }
  }

  assert {
    condition = (
      module.function["order_ingest"].timeout_seconds == 60
      && module.subscription["order_ingest"].visibility_timeout_seconds >= 360
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
    condition     = toset(keys(module.subscription)) == toset(["advance_order", "cancel_order", "order_ingest", "order_status"])
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
      order_ingest = {
        "SKU#*"        = "BatchGetItem"
        "ORDER#*"      = "ConditionCheckItem PutItem"
        "SUBMISSION#*" = "PutItem"
      }
      cancel_order      = { "ORDER#*" = "ConditionCheckItem GetItem PutItem", "SUBMISSION#*" = "PutItem" }
      advance_order     = { "ORDER#*" = "GetItem PutItem" }
      order_status      = { "ORDER#*" = "UpdateItem" }
      order_query       = { "ORDER#*" = "GetItem" }
      customer_orders   = { "ORDER#*" = "BatchGetItem", "CUSTOMER#*" = "Query" }
      authorize_partner = { "PARTNER#*" = "GetItem" }
    }
    error_message = "Whoever changes this list changes who may read or write what."
  }

  assert {
    condition     = alltrue([for function in local.functions : length(function.statements) == 0])
    error_message = "No function of this squad needs more than its items."
  }
}

run "customers_read_orders_through_the_door_alone" {
  command = plan

  assert {
    condition = alltrue([
      aws_lambda_permission.door.principal == "apigateway.amazonaws.com",
      aws_lambda_permission.door.qualifier == "live",
      aws_lambda_permission.door.source_arn == "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/*/GET/orders/*",
    ])
    error_message = "The permission must be for reading orders through this door, and for the alias."
  }

  assert {
    condition = alltrue([
      aws_lambda_permission.door_to_lists.principal == "apigateway.amazonaws.com",
      aws_lambda_permission.door_to_lists.qualifier == "live",
      aws_lambda_permission.door_to_lists.source_arn == "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/*/GET/orders",
    ])
    error_message = "The permission must be for reading lists through this door, and for the alias."
  }

  assert {
    condition     = endswith(local.functions.customer_orders.tables.FindOrders.arn, "/index/by-customer")
    error_message = "A list is found by its customer, who is the partition key of this index alone."
  }
}

run "partners_read_orders_through_the_door_alone" {
  command = plan

  assert {
    condition = alltrue([
      aws_lambda_permission.partners_door.principal == "apigateway.amazonaws.com",
      aws_lambda_permission.partners_door.qualifier == "live",
      aws_lambda_permission.partners_door.source_arn == "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/*/GET/partner/orders/*",
    ])
    error_message = "The permission must be for reading orders through this door, and for the alias."
  }
}

run "credentials_are_checked_for_authorizers_of_this_door_alone" {
  command = plan

  assert {
    condition = alltrue([
      aws_lambda_permission.authorizer.principal == "apigateway.amazonaws.com",
      aws_lambda_permission.authorizer.qualifier == "live",
      aws_lambda_permission.authorizer.source_arn == "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/authorizers/*",
    ])
    error_message = "The permission must be for authorizers of this door, and for the alias."
  }

  assert {
    condition     = local.functions.authorize_partner.environment.PARTNERS_TABLE == "lakeside-partners"
    error_message = "Digests of credentials must lie apart from what is streamed and written by others."
  }
}

run "orders_go_on_when_the_saga_or_inventory_says_so" {
  command = plan

  assert {
    condition = toset(flatten([for rule in local.subscriptions.advance_order.rules : rule.detail_types])) == toset([
      "FulfilmentCompleted", "FulfilmentFailed", "FulfilmentParked", "PaymentCaptured", "StockReservationFailed",
    ])
    error_message = "Each of these facts changes an order."
  }

  assert {
    condition     = length(local.subscriptions.order_ingest.rules) + length(local.subscriptions.cancel_order.rules) == 0
    error_message = "Orders and their cancellations come from the door."
  }
}

run "a_function_joins_the_network_when_asked" {
  command = plan

  variables {
    network_functions = ["order_query"]
  }

  assert {
    condition     = [for name, function in module.function : name if function.in_network] == ["order_query"]
    error_message = "The functions that were named must be in the network, and no others."
  }
}

run "a_table_buys_its_capacity_ahead_when_asked" {
  command = plan

  variables {
    table_capacity = { orders = { read = { min = 5, max = 50 }, write = { min = 5, max = 50 } } }
  }

  assert {
    condition     = module.table.billing_mode == "PROVISIONED"
    error_message = "The table that was named must have capacity."
  }

  assert {
    condition     = module.status_table.billing_mode == "PAY_PER_REQUEST"
    error_message = "A table that was not named is paid by use."
  }

  assert {
    condition     = module.partners_table.billing_mode == "PAY_PER_REQUEST"
    error_message = "A table that was not named is paid by use."
  }
}

run "operations_find_every_dead_letter_queue" {
  assert {
    condition = module.operations.queues == toset([
      "advance-order",
      "cancel-order",
      "order-ingest",
      "order-status",
      "orders-publish-outbox",
    ])
    error_message = "Whoever gives a message up must give it up where operations look."
  }
}
