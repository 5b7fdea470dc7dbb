mock_provider "aws" {
  source = "../../platform-terraform/testing"
}

variables {
  environment   = "test"
  artifacts_dir = "tests/artifacts"
}

run "a_message_stays_hidden_for_six_times_its_functions_timeout" {
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
      toset(keys(module.subscription)) == toset(["<module>"])
      && alltrue([for subscription in module.subscription : subscription.queue.dlq_arn != null])
    )
    error_message = "A queue must have a dead-letter queue."
  }
}

run "rules_hear_facts_on_the_bus_of_whoever_states_them" {
  assert {
    condition = {
      for name, subscription in local.subscriptions : name => {
        for rule in values(subscription.rules) : rule.bus => { sources = rule.sources, detail_types = rule.detail_types }
      }
      } == {
      <module> = {
        lakeside-<bus> = { sources = ["lakeside.<bus>"], detail_types = ["<Event>"] }
      }
    }
    error_message = "Whoever changes this list changes what the function hears."
  }
}

run "functions_reach_only_the_items_that_are_their_business" {
  assert {
    condition = {
      for name, function in local.functions : name => {
        for grant in values(function.tables) : join(" ", sort(grant.actions)) => grant.leading_keys
      }
      } == {
      <module> = { "PutItem" = ["FACT#*"] }
    }
    error_message = "Whoever changes this list changes who may read or write what."
  }

  assert {
    condition     = alltrue([for function in values(local.functions) : length(function.statements) == 0])
    error_message = "The function needs nothing but its table."
  }
}

run "a_replay_can_name_the_rules" {
  assert {
    condition     = output.rule_arns == ["arn:aws:events:eu-central-1:111122223333:rule/lakeside-<bus>/lakeside-<name>-<bus>"]
    error_message = "A replay to these ARNs must reach the function."
  }
}

run "operations_find_every_dead_letter_queue" {
  assert {
    condition = module.operations.queues == toset(["<name>"])
    error_message = "Whoever gives a message up must give it up where operations look."
  }
}
