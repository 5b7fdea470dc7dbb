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
  assert {
    condition = (
      aws_dynamodb_table.table.server_side_encryption[0].enabled
      && aws_dynamodb_table.table.server_side_encryption[0].kms_key_arn == var.platform.keys.data
    )
    error_message = "The table must use the key for data."
  }

  assert {
    condition     = aws_dynamodb_table.table.point_in_time_recovery[0].enabled
    error_message = "The table must be recoverable to any second."
  }

  assert {
    condition     = aws_dynamodb_table.table.ttl[0].enabled && aws_dynamodb_table.table.ttl[0].attribute_name == "ttl"
    error_message = "Items must be able to expire."
  }

  assert {
    condition     = aws_dynamodb_table.table.deletion_protection_enabled
    error_message = "The table must be protected unless a profile says otherwise."
  }

  assert {
    condition     = aws_dynamodb_table.table.billing_mode == "PAY_PER_REQUEST"
    error_message = "An idle table must cost nothing."
  }

  assert {
    condition     = aws_dynamodb_table.table.hash_key == "pk" && aws_dynamodb_table.table.range_key == "sk"
    error_message = "All items share one form of key."
  }
}

run "indexes_hold_keys_only" {
  variables {
    indexes = { held-by-end = { hash_key = "heldShard", range_key = "expiresAt", range_key_type = "N" } }
  }

  assert {
    condition = [
      for index in aws_dynamodb_table.table.global_secondary_index :
      [index.name, index.hash_key, index.range_key, index.projection_type]
    ] == [["held-by-end", "heldShard", "expiresAt", "KEYS_ONLY"]]
    error_message = "An index must find items, not copy them."
  }

  assert {
    condition = {
      for attribute in aws_dynamodb_table.table.attribute : attribute.name => attribute.type
    } == { pk = "S", sk = "S", heldShard = "S", expiresAt = "N" }
    error_message = "The keys of an index must be declared."
  }
}

run "an_index_of_a_view_holds_what_its_queries_answer" {
  variables {
    indexes = { stock-by-node = { hash_key = "byNode", range_key = "sku", projection = ["onHand"] } }
  }

  assert {
    condition = [
      for index in aws_dynamodb_table.table.global_secondary_index : [index.projection_type, index.non_key_attributes]
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
  assert {
    condition     = !aws_dynamodb_table.table.stream_enabled
    error_message = "Nobody would read the stream."
  }
}

run "an_outbox_needs_both_images" {
  variables {
    stream = true
  }

  assert {
    condition = (
      aws_dynamodb_table.table.stream_enabled
      && aws_dynamodb_table.table.stream_view_type == "NEW_AND_OLD_IMAGES"
    )
    error_message = "What a write added shows only in comparison with what was there."
  }
}

run "a_profile_can_give_up_protection" {
  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_dynamodb_table.table.deletion_protection_enabled
    error_message = "The profile decides."
  }
}
