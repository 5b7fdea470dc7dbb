mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  squad    = "orders"
  platform = { prefix = "test" }
  functions = {
    order_ingest = { function = "test-order-ingest", log_group = "/aws/lambda/test-order-ingest" }
  }
  queues = {
    order_ingest = {
      holds           = "messages"
      url             = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-order-ingest"
      dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-order-ingest-dlq"
      function        = "test-order-ingest"
    }
    publish_outbox = {
      holds           = "positions"
      dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-orders-publish-outbox-dlq"
      function        = "test-orders-publish-outbox"
    }
  }
  tables = { orders = "test-orders" }
}

run "whoever_operates_finds_queues_consumers_tables_and_logs" {
  assert {
    condition     = aws_ssm_parameter.operations.name == "/test/operations/orders/v1"
    error_message = "The parameter must be found by prefix and squad."
  }

  assert {
    condition = jsondecode(aws_ssm_parameter.operations.value) == {
      functions = { order-ingest = { function = "test-order-ingest", log_group = "/aws/lambda/test-order-ingest" } }
      queues = {
        order-ingest = {
          holds           = "messages"
          url             = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-order-ingest"
          dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-order-ingest-dlq"
          function        = "test-order-ingest"
        }
        publish-outbox = {
          holds           = "positions"
          url             = null
          dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-orders-publish-outbox-dlq"
          function        = "test-orders-publish-outbox"
        }
      }
      tables        = { orders = "test-orders" }
      state_machine = null
    }
    error_message = "Each queue must be there with its dead-letter queue and its consumer, under the names that people use."
  }
}

run "the_saga_is_found_where_there_is_one" {
  variables {
    state_machine = { arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:test-order-fulfilment", log_group = "/test/saga" }
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.operations.value).state_machine == var.state_machine
    error_message = "The saga must be there with its log."
  }
}

run "a_replay_knows_who_acts_outside_and_for_how_long_it_remembers" {
  variables {
    queues = {
      notify_customer = {
        holds           = "messages"
        url             = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-notify-customer"
        dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-notify-customer-dlq"
        function        = "test-notify-customer"
      }
    }
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.operations.value).queues["notify-customer"].remembers_days == 36500
    error_message = "What a consumer has done outside must be known to whoever replays."
  }
}

run "rejects_the_name_of_the_platform" {
  command = plan

  variables {
    squad = "platform"
  }

  expect_failures = [var.squad]
}

run "rejects_a_name_that_is_no_squads" {
  command = plan

  variables {
    squad = "Orders"
  }

  expect_failures = [var.squad]
}

run "rejects_a_queue_that_holds_something_else" {
  command = plan

  variables {
    queues = { a = { holds = "letters", dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/a-dlq" } }
  }

  expect_failures = [var.queues]
}

run "rejects_messages_without_a_queue_to_go_back_to" {
  command = plan

  variables {
    queues = { a = { holds = "messages", dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/a-dlq" } }
  }

  expect_failures = [var.queues]
}

run "rejects_positions_that_would_be_sent_to_a_queue" {
  command = plan

  variables {
    queues = {
      a = {
        holds           = "positions"
        url             = "https://sqs.eu-central-1.amazonaws.com/111122223333/a"
        dead_letter_url = "https://sqs.eu-central-1.amazonaws.com/111122223333/a-dlq"
      }
    }
  }

  expect_failures = [var.queues]
}
