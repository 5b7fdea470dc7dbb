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

run "every_consumer_has_a_queue_with_a_dead_letter_queue" {
  assert {
    condition = (
      toset(keys(module.subscription)) == toset(["feed_summit_outfitters"])
      && alltrue([for subscription in module.subscription : subscription.queue.dlq_arn != null])
    )
    error_message = "A queue must have a dead-letter queue."
  }
}

run "rules_hear_facts_on_the_bus_of_whoever_states_them" {
  command = plan

  assert {
    condition = {
      for name, subscription in local.subscriptions : name => {
        for rule in values(subscription.rules) : rule.bus => { sources = rule.sources, detail_types = rule.detail_types }
      }
      } == {
      feed_summit_outfitters = {
        lakeside-inventory = { sources = ["lakeside.inventory"], detail_types = ["StockLevelChanged"] }
      }
    }
    error_message = "Whoever changes this list changes what the function hears."
  }
}

run "functions_reach_only_the_items_that_are_their_business" {
  command = plan

  assert {
    condition = {
      for name, function in local.functions : name => {
        for grant in values(function.tables) : join(" ", sort(grant.actions)) => grant.leading_keys
      }
      } == {
      feed_summit_outfitters = { "PutItem" = ["SKU#*"] }
    }
    error_message = "Whoever changes this list changes who may read or write what."
  }

  assert {
    condition     = alltrue([for function in values(local.functions) : length(function.statements) == 0])
    error_message = "The function needs nothing but its table."
  }
}

run "a_replay_can_name_the_rules" {
  command = plan

  assert {
    condition     = output.rule_arns == ["arn:aws:events:eu-central-1:111122223333:rule/lakeside-inventory/lakeside-feed-summit-outfitters-inventory"]
    error_message = "A replay to these ARNs must reach the function."
  }
}

run "nobody_reads_the_feed_before_there_is_a_reader" {
  command = plan

  assert {
    condition     = length(aws_iam_role.marketplace) == 0 && length(aws_iam_role_policy.marketplace) == 0
    error_message = "Without a contract there is no role."
  }
}

run "the_marketplace_reads_levels_and_nothing_else" {
  command = plan

  variables {
    reader = { account_id = "444455556666", external_id = "lakeside-and-summit" }
  }

  assert {
    condition = (
      one(data.aws_iam_policy_document.marketplace.statement[0].principals).identifiers == toset(["arn:aws:iam::444455556666:root"])
      && one(data.aws_iam_policy_document.marketplace.statement[0].condition).variable == "sts:ExternalId"
      && one(data.aws_iam_policy_document.marketplace.statement[0].condition).values == tolist(["lakeside-and-summit"])
    )
    error_message = "One account, and only with the name it was given."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.read_levels.statement :
      join(" ", sort(statement.actions)) => statement.resources
      } == {
      "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:Scan" = toset([module.table.arn])
      "kms:Decrypt"                                          = toset([local.platform.keys.data])
    }
    error_message = "Whoever changes this list changes what another company reads."
  }

  assert {
    condition     = keys(aws_iam_role_policy.marketplace) == ["marketplace"]
    error_message = "The role must have its policy."
  }
}

run "operations_find_every_dead_letter_queue" {
  assert {
    condition     = module.operations.queues == toset(["feed-summit-outfitters"])
    error_message = "Whoever gives a message up must give it up where operations look."
  }
}
