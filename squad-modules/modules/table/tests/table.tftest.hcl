mock_provider "aws" {
  source = "../../../platform-terraform/testing"
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
  name = "orders"
}

run "items_are_encrypted_backed_up_and_expire" {
  command = plan

  assert {
    condition = (
      aws_dynamodb_table.table[0].server_side_encryption[0].enabled
      && aws_dynamodb_table.table[0].server_side_encryption[0].kms_key_arn == var.platform.keys.data
    )
    error_message = "The table must use the key for data."
  }

  assert {
    condition     = aws_dynamodb_table.table[0].point_in_time_recovery[0].enabled
    error_message = "The table must be recoverable to any second."
  }

  assert {
    condition     = aws_dynamodb_table.table[0].ttl[0].enabled && aws_dynamodb_table.table[0].ttl[0].attribute_name == "ttl"
    error_message = "Items must be able to expire."
  }

  assert {
    condition     = aws_dynamodb_table.table[0].deletion_protection_enabled
    error_message = "The table must be protected unless a profile says otherwise."
  }

  assert {
    condition     = aws_dynamodb_table.table[0].billing_mode == "PAY_PER_REQUEST"
    error_message = "An idle table must cost nothing."
  }

  assert {
    condition     = aws_dynamodb_table.table[0].hash_key == "pk" && aws_dynamodb_table.table[0].range_key == "sk"
    error_message = "All items share one form of key."
  }
}

run "indexes_hold_keys_only" {
  command = plan

  variables {
    indexes = { held-by-end = { hash_key = "heldShard", range_key = "expiresAt", range_key_type = "N" } }
  }

  assert {
    condition = [
      for index in aws_dynamodb_table.table[0].global_secondary_index :
      [index.name, index.hash_key, index.range_key, index.projection_type]
    ] == [["held-by-end", "heldShard", "expiresAt", "KEYS_ONLY"]]
    error_message = "An index must find items, not copy them."
  }

  assert {
    condition = {
      for attribute in aws_dynamodb_table.table[0].attribute : attribute.name => attribute.type
    } == { pk = "S", sk = "S", heldShard = "S", expiresAt = "N" }
    error_message = "The keys of an index must be declared."
  }
}

run "an_index_of_a_view_holds_what_its_queries_answer" {
  command = plan

  variables {
    indexes = { stock-by-node = { hash_key = "byNode", range_key = "sku", projection = ["onHand"] } }
  }

  assert {
    condition = [
      for index in aws_dynamodb_table.table[0].global_secondary_index : [index.projection_type, index.non_key_attributes]
    ] == [["INCLUDE", toset(["onHand"])]]
    error_message = "The index must hold what was asked for, and no more."
  }
}

run "rejects_copies_of_what_decisions_rest_on" {
  command = plan

  variables {
    stream  = true
    indexes = { stock-by-node = { hash_key = "byNode", range_key = "sku", projection = ["onHand"] } }
  }

  expect_failures = [var.indexes]
}

run "rejects_keys_that_cannot_be_ordered" {
  command = plan

  variables {
    indexes = { odd = { hash_key = "a", range_key = "b", range_key_type = "B" } }
  }

  expect_failures = [var.indexes]
}

run "a_table_without_an_outbox_has_no_stream" {
  command = plan

  assert {
    condition     = !aws_dynamodb_table.table[0].stream_enabled
    error_message = "Nobody would read the stream."
  }
}

run "an_outbox_needs_both_images" {
  command = plan

  variables {
    stream = true
  }

  assert {
    condition = (
      aws_dynamodb_table.table[0].stream_enabled
      && aws_dynamodb_table.table[0].stream_view_type == "NEW_AND_OLD_IMAGES"
    )
    error_message = "What a write added shows only in comparison with what was there."
  }
}

run "a_profile_can_give_up_protection" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_dynamodb_table.table[0].deletion_protection_enabled
    error_message = "The profile decides."
  }
}

run "the_home_region_makes_the_table_with_the_stream_that_replication_reads" {
  command = plan

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
      regions = { home = "eu-central-1" }
    }
  }

  assert {
    condition = (
      aws_dynamodb_table.table[0].stream_enabled
      && aws_dynamodb_table.table[0].stream_view_type == "NEW_AND_OLD_IMAGES"
      && length(aws_dynamodb_table_replica.replica) == 0
    )
    error_message = "Without both images nothing is replicated."
  }
}

run "the_standby_makes_the_replica_and_no_table" {
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
      regions = { home = "eu-west-1", owns_tables = false, role_suffix = "-eu-central-1", processing = false }
    }
  }

  assert {
    condition = (
      length(aws_dynamodb_table.table) == 0
      && aws_dynamodb_table_replica.replica[0].global_table_arn == "arn:aws:dynamodb:eu-west-1:111122223333:table/test-orders"
    )
    error_message = "Two tables of one name would never be one."
  }

  assert {
    condition = (
      aws_dynamodb_table_replica.replica[0].kms_key_arn == var.platform.keys.data
      && aws_dynamodb_table_replica.replica[0].point_in_time_recovery
      && aws_dynamodb_table_replica.replica[0].deletion_protection_enabled
    )
    error_message = "The replica must have what the table has, under this Region's key."
  }

  assert {
    condition     = output.name == "test-orders" && output.arn == data.aws_dynamodb_table.replica[0].arn
    error_message = "What works with the table must find the replica by the same name."
  }
}
