mock_provider "aws" {
  source = "../../../platform-terraform/testing"

  mock_data "aws_dynamodb_tables" {
    defaults = { names = ["test-orders", "test-status"] }
  }

  mock_data "aws_dynamodb_table" {
    defaults = {
      billing_mode   = "PROVISIONED"
      read_capacity  = 35
      write_capacity = 900
      global_secondary_index = [{
        name                 = "by-customer"
        hash_key             = "customerKey"
        range_key            = "placedAt"
        projection_type      = "KEYS_ONLY"
        non_key_attributes   = []
        read_capacity        = 3
        write_capacity       = 12
        on_demand_throughput = []
      }]
    }
  }
}

variables {
  platform = {
    account_id               = "111122223333"
    region                   = "eu-central-1"
    prefix                   = "test"
    alarm_topic_arn          = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/squads"
    keys = {
      data      = "arn:aws:kms:eu-central-1:111122223333:key/data"
      messaging = "arn:aws:kms:eu-central-1:111122223333:key/messaging"
      logs      = "arn:aws:kms:eu-central-1:111122223333:key/logs"
    }
  }
  name     = "orders"
  indexes  = { by-customer = { hash_key = "customerKey", range_key = "placedAt" } }
  capacity = { read = { min = 20, max = 400 }, write = { min = 10, max = 200 } }
}

run "without_capacity_a_table_is_paid_by_use" {
  command = plan

  variables {
    capacity = null
  }

  assert {
    condition = (
      aws_dynamodb_table.table[0].billing_mode == "PAY_PER_REQUEST"
      && length(aws_appautoscaling_target.capacity) == 0
      && length(data.aws_dynamodb_tables.all) == 0
    )
    error_message = "Nobody may be asked about capacity that is not bought."
  }
}

run "a_new_table_begins_at_the_least" {
  command = plan

  variables {
    name = "new"
  }

  assert {
    condition = (
      aws_dynamodb_table.table[0].billing_mode == "PROVISIONED"
      && aws_dynamodb_table.table[0].read_capacity == 20
      && aws_dynamodb_table.table[0].write_capacity == 10
      && one(aws_dynamodb_table.table[0].global_secondary_index).read_capacity == 20
      && one(aws_dynamodb_table.table[0].global_secondary_index).write_capacity == 10
    )
    error_message = "Table and indexes must begin at the lower bounds."
  }
}

run "what_auto_scaling_has_done_stays_within_the_bounds" {
  command = plan

  assert {
    condition = (
      aws_dynamodb_table.table[0].read_capacity == 35
      && aws_dynamodb_table.table[0].write_capacity == 200
      && one(aws_dynamodb_table.table[0].global_secondary_index).read_capacity == 20
      && one(aws_dynamodb_table.table[0].global_secondary_index).write_capacity == 12
    )
    error_message = "An apply must not undo what auto-scaling did, nor leave more than the bounds."
  }
}

run "a_table_that_was_paid_by_use_begins_at_the_most" {
  command = plan

  override_data {
    target = data.aws_dynamodb_table.present
    values = {
      billing_mode           = "PAY_PER_REQUEST"
      read_capacity          = 0
      write_capacity         = 0
      global_secondary_index = []
    }
  }

  assert {
    condition = (
      aws_dynamodb_table.table[0].read_capacity == 400
      && aws_dynamodb_table.table[0].write_capacity == 200
      && one(aws_dynamodb_table.table[0].global_secondary_index).write_capacity == 200
    )
    error_message = "Its load is not known, and must not be throttled until auto-scaling has seen it."
  }
}

run "table_and_indexes_are_scaled_for_reads_and_writes" {
  command = plan

  assert {
    condition = toset([
      for target in aws_appautoscaling_target.capacity :
      "${target.resource_id} ${target.scalable_dimension} ${target.min_capacity} ${target.max_capacity}"
      ]) == toset([
      "table/test-orders dynamodb:table:ReadCapacityUnits 20 400",
      "table/test-orders dynamodb:table:WriteCapacityUnits 10 200",
      "table/test-orders/index/by-customer dynamodb:index:ReadCapacityUnits 20 400",
      "table/test-orders/index/by-customer dynamodb:index:WriteCapacityUnits 10 200",
    ])
    error_message = "An index that is short throttles the writes of its table, so it is scaled too."
  }

  assert {
    condition = toset([
      for policy in aws_appautoscaling_policy.capacity : join(" ", [
        policy.scalable_dimension,
        policy.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type,
        policy.target_tracking_scaling_policy_configuration[0].target_value,
      ])
      ]) == toset([
      "dynamodb:table:ReadCapacityUnits DynamoDBReadCapacityUtilization 70",
      "dynamodb:table:WriteCapacityUnits DynamoDBWriteCapacityUtilization 70",
      "dynamodb:index:ReadCapacityUnits DynamoDBReadCapacityUtilization 70",
      "dynamodb:index:WriteCapacityUnits DynamoDBWriteCapacityUtilization 70",
    ])
    error_message = "Each must follow its own utilisation."
  }
}

run "rejects_bounds_the_wrong_way_round" {
  command = plan

  variables {
    capacity = { read = { min = 20, max = 10 }, write = { min = 1, max = 1 } }
  }

  expect_failures = [var.capacity]
}

run "rejects_no_capacity_at_all" {
  command = plan

  variables {
    capacity = { read = { min = 0, max = 10 }, write = { min = 1, max = 1 } }
  }

  expect_failures = [var.capacity]
}

run "rejects_a_utilisation_that_leaves_no_room" {
  command = plan

  variables {
    capacity = { read = { min = 1, max = 10 }, write = { min = 1, max = 10 }, target_utilization = 95 }
  }

  expect_failures = [var.capacity]
}

run "rejects_capacity_where_there_is_a_replica" {
  command = plan

  variables {
    platform = {
      account_id      = "111122223333"
      region          = "eu-central-1"
      prefix          = "test"
      alarm_topic_arn = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
      regions         = { home = "eu-central-1" }
      keys = {
        data      = "arn:aws:kms:eu-central-1:111122223333:key/data"
        messaging = "arn:aws:kms:eu-central-1:111122223333:key/messaging"
        logs      = "arn:aws:kms:eu-central-1:111122223333:key/logs"
      }
    }
  }

  expect_failures = [var.capacity]
}
