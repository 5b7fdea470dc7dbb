mock_provider "aws" {
  source = "../../platform-terraform/testing"

  override_data {
    target = data.aws_ssm_parameter.inventory
    values = {
      value = <<-JSON
        {
          "reserve_stock": {
            "queue_arn": "arn:aws:sqs:eu-central-1:111122223333:lakeside-reserve-stock",
            "queue_url": "https://sqs.eu-central-1.amazonaws.com/111122223333/lakeside-reserve-stock"
          },
          "functions": {
            "allocate": "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-allocate:live",
            "release_stock": "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-release-stock:live"
          },
          "reservation_hold_seconds": 14400
        }
      JSON
    }
  }

  override_resource {
    target = module.subscription["capture_payment"].module.queue["own"].aws_sqs_queue.queue
    values = {
      arn = "arn:aws:sqs:eu-central-1:111122223333:lakeside-capture-payment"
      url = "https://sqs.eu-central-1.amazonaws.com/111122223333/lakeside-capture-payment"
    }
  }

  override_resource {
    target = module.subscription["refund_payment"].module.queue["own"].aws_sqs_queue.queue
    values = {
      arn = "arn:aws:sqs:eu-central-1:111122223333:lakeside-refund-payment"
      url = "https://sqs.eu-central-1.amazonaws.com/111122223333/lakeside-refund-payment"
    }
  }

  override_resource {
    target = module.function["create_label"].aws_lambda_alias.live
    values = {
      arn = "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-create-label:live"
    }
  }

  override_resource {
    target = module.function["void_label"].aws_lambda_alias.live
    values = {
      arn = "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-void-label:live"
    }
  }
}

variables {
  environment           = "test"
  artifacts_dir         = "tests/artifacts"
  payment_processor_url = "https://payments.example.com"
  carrier_url           = "https://carrier.example.com"
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
    function_timeout_seconds = { capture_payment = 60 }
  }

  assert {
    condition = (
      module.function["capture_payment"].timeout_seconds == 60
      && module.subscription["capture_payment"].visibility_timeout_seconds >= 360
    )
    error_message = "The queue must follow the timeout of its function."
  }
}

run "messages_are_delivered_often_enough" {
  command = plan

  assert {
    condition = alltrue([
      for name, subscription in local.subscriptions :
      subscription.max_receive_count == (endswith(name, "_payment") ? 10 : 5)
    ])
    error_message = "A message must be delivered five times, a payment ten times, before it is given up."
  }
}

run "every_consumer_has_a_queue_with_a_dead_letter_queue" {
  assert {
    condition = toset(keys(module.subscription)) == toset([
      "cancel_fulfilment", "capture_payment", "recover_fulfilment", "refund_payment", "start_fulfilment",
    ])
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

run "who_buys_labels_learns_where_parcels_go_and_nothing_else" {
  command = plan

  assert {
    condition = (
      toset(local.functions.create_label.tables.ReadAddresses.attributes) == toset(["city", "country", "name", "postalCode", "street"])
      && local.functions.create_label.tables.ReadAddresses.arn == "arn:aws:dynamodb:eu-central-1:111122223333:table/lakeside-directory"
      && local.functions.create_label.statements.DecryptTheDirectory.resources == ["arn:aws:kms:eu-central-1:111122223333:key/directory"]
    )
    error_message = "How customers are reached is no business of labels."
  }
}

run "functions_reach_only_the_items_that_are_their_business" {
  command = plan

  assert {
    condition = {
      for name, function in local.functions : name => {
        for grant in values(function.tables) : join(" ", grant.leading_keys) => join(" ", sort(grant.actions))
      } if length(function.tables) > 0
      } == {
      start_fulfilment  = { "PAYMENT#*" = "GetItem" }
      cancel_fulfilment = { "APPROVAL#*" = "UpdateItem", "PAYMENT#* LABEL#*" = "PutItem" }
      capture_payment = {
        "PAYMENT#* LEASE#capture-payment#*" = "PutItem"
        "PAYMENT#*"                         = "GetItem"
        "LEASE#capture-payment#*"           = "DeleteItem"
      }
      refund_payment = {
        "PAYMENT#* LEASE#refund-payment#*" = "PutItem"
        "PAYMENT#*"                        = "GetItem"
        "LEASE#refund-payment#*"           = "DeleteItem"
      }
      create_label = {
        "ADDRESS#*"                    = "GetItem"
        "LABEL#* LEASE#create-label#*" = "PutItem"
        "LABEL#*"                      = "ConditionCheckItem GetItem"
        "LEASE#create-label#*"         = "DeleteItem"
      }
      void_label = {
        "LABEL#* LEASE#void-label#*" = "PutItem"
        "LABEL#*"                    = "Query"
        "LEASE#void-label#*"         = "DeleteItem"
      }
    }
    error_message = "Whoever changes this list changes who may read or write what."
  }

  assert {
    condition = jsonencode({
      for name, function in local.functions : name => sort(flatten(values(function.statements)[*].actions))
      }) == jsonencode({
      start_fulfilment   = ["states:DescribeExecution", "states:StartExecution"]
      recover_fulfilment = ["states:DescribeExecution", "states:GetExecutionHistory", "states:StartExecution"]
      cancel_fulfilment  = ["states:SendTaskSuccess"]
      capture_payment    = ["kms:Decrypt", "secretsmanager:GetSecretValue", "states:SendTaskSuccess"]
      refund_payment     = ["kms:Decrypt", "secretsmanager:GetSecretValue", "states:SendTaskSuccess"]
      rotate_processor_key = [
        "kms:Decrypt", "kms:GenerateDataKey", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage",
      ]
      create_label = ["kms:Decrypt"]
      void_label   = []
    })
    error_message = "Whoever changes this list changes who may do what."
  }

  assert {
    condition = local.functions.start_fulfilment.statements.StartSagas.resources == [
      "arn:aws:states:eu-central-1:111122223333:stateMachine:lakeside-order-fulfilment",
    ]
    error_message = "Only this saga may be started."
  }
}

run "a_cancellation_closes_and_begins_nothing" {
  command = plan

  assert {
    condition = {
      for name, grant in local.functions.cancel_fulfilment.tables : name => join(" ", sort(grant.actions))
    } == { ClosePaymentsAndLabels = "PutItem", CloseApprovals = "UpdateItem" }
    error_message = "It reads nothing, and deletes nothing."
  }

  assert {
    condition = flatten([
      for rule in local.subscriptions.cancel_fulfilment.rules : rule.detail_types
    ]) == ["OrderCancellationRequested"]
    error_message = "It hears requests, and not what became of orders."
  }
}

run "payments_are_taken_one_by_one_and_only_from_the_saga" {
  command = plan

  assert {
    condition = alltrue([
      for name in ["capture_payment", "refund_payment"] :
      local.subscriptions[name].batch_size == 1 && length(local.subscriptions[name].rules) == 0
    ])
    error_message = "A payment must not wait for another, nor be caused by an event."
  }

  assert {
    condition = alltrue([
      for name in ["capture_payment", "refund_payment"] :
      local.subscriptions[name].maximum_concurrency == var.payment_maximum_concurrency
    ])
    error_message = "Whatever the other consumers may do at a time, the processor takes only so much."
  }
}

run "a_saga_that_dies_is_recovered" {
  command = plan

  assert {
    condition = alltrue([
      local.subscriptions.recover_fulfilment.rules.failed.bus == "default",
      local.subscriptions.recover_fulfilment.rules.failed.detail_types == ["Step Functions Execution Status Change"],
      jsondecode(local.subscriptions.recover_fulfilment.rules.failed.detail) == {
        stateMachineArn = ["arn:aws:states:eu-central-1:111122223333:stateMachine:lakeside-order-fulfilment"]
        status          = ["ABORTED", "FAILED", "TIMED_OUT"]
      },
    ])
    error_message = "Every way for this saga to die, and no other saga, must start the recovery."
  }

  assert {
    condition = (
      alltrue([
        for name in ["ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"] :
        module.saga_alarms.alarms["lakeside-order-fulfilment-${name}"].threshold == 0
        && module.saga_alarms.alarms["lakeside-order-fulfilment-${name}"].metrics.executions.name == name
        && module.saga_alarms.alarms["lakeside-order-fulfilment-${name}"].topic_arn == local.platform.alarm_topic_arn
      ])
    )
    error_message = "A single saga that dies must reach the alarm topic."
  }
}

run "whoever_is_paged_knows_whether_a_saga_gave_up_or_died" {
  command = plan

  assert {
    condition = alltrue([
      for alarm in [module.business_alarms.alarms["lakeside-sagas-parked"]] :
      alarm.runbook == "saga-parked"
      && alarm.severity == "page"
      && alarm.threshold == 0
      && alarm.breaching_periods == 1
      && values(alarm.metrics)[0].name == "SagasParked"
      && values(alarm.metrics)[0].dimensions == tomap({ Function = "lakeside-advance-order" })
    ])
    error_message = "A single saga that gave up must reach the alarm topic, with what to do about it."
  }

  assert {
    condition = alltrue([
      for alarm in [module.saga_alarms.alarms["lakeside-order-fulfilment-ExecutionsFailed"]] :
      alarm.runbook == "saga-failed"
      && alarm.expression == "executions - FILL(parked, 0)"
      && alarm.metrics.parked.name == "SagasParked"
      && alarm.metrics.parked.dimensions == tomap({ Function = "lakeside-advance-order" })
      # Minute against minute: otherwise one that gave up would stand for one that died.
      && alarm.period_seconds == module.business_alarms.alarms["lakeside-sagas-parked"].period_seconds
    ])
    error_message = "A saga that fails without having been parked must reach the alarm topic, though others are parked."
  }
}

run "the_saga_keeps_its_history_and_logs_no_data" {
  command = plan

  assert {
    condition     = aws_sfn_state_machine.saga.type == "STANDARD"
    error_message = "A saga waits for people and is redriven: an express execution can do neither."
  }

  assert {
    condition = alltrue([
      aws_sfn_state_machine.saga.logging_configuration[0].level == "ERROR",
      !aws_sfn_state_machine.saga.logging_configuration[0].include_execution_data,
      aws_sfn_state_machine.saga.logging_configuration[0].log_destination == "${aws_cloudwatch_log_group.saga.arn}:*",
      aws_cloudwatch_log_group.saga.kms_key_id == "arn:aws:kms:eu-central-1:111122223333:key/logs",
      aws_cloudwatch_log_group.saga.retention_in_days == var.log_retention_days,
      aws_sfn_state_machine.saga.tracing_configuration[0].enabled == var.tracing,
    ])
    error_message = "Failures must be logged, encrypted, for a while, without what was passed between the states."
  }
}

run "the_definition_is_complete" {
  command = plan

  assert {
    condition     = !strcontains(aws_sfn_state_machine.saga.definition, "$${")
    error_message = "A placeholder was not filled in."
  }

  assert {
    condition = alltrue([
      for name, queue in { ReserveStock = "reserve-stock", CapturePayment = "capture-payment", RefundPayment = "refund-payment" } :
      jsondecode(aws_sfn_state_machine.saga.definition).States[name].Arguments.QueueUrl
      == "https://sqs.eu-central-1.amazonaws.com/111122223333/lakeside-${queue}"
    ])
    error_message = "Each command must go to the queue of whoever obeys it."
  }

  assert {
    condition = alltrue([
      for name, function in { AllocateStock = "allocate", ReleaseStock = "release-stock" } :
      jsondecode(aws_sfn_state_machine.saga.definition).States[name].Arguments.FunctionName
      == "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-${function}:live"
    ])
    error_message = "The saga must call the aliases of inventory."
  }

  assert {
    condition = alltrue([
      for function in ["create-label", "void-label"] :
      strcontains(
        aws_sfn_state_machine.saga.definition,
        "\"FunctionName\":\"arn:aws:lambda:eu-central-1:111122223333:function:lakeside-${function}:live\"",
      )
    ])
    error_message = "The saga must call the aliases of the functions for labels."
  }
}

run "every_task_ends" {
  command = plan

  assert {
    condition = alltrue([
      for name, state in merge(
        jsondecode(aws_sfn_state_machine.saga.definition).States,
        jsondecode(aws_sfn_state_machine.saga.definition).States.CreateLabels.ItemProcessor.States,
      ) : try(state.TimeoutSeconds, 0) > 0 if state.Type == "Task"
    ])
    error_message = "A task without a timeout waits for a year."
  }

  assert {
    condition = alltrue([
      for name, state in jsondecode(aws_sfn_state_machine.saga.definition).States :
      try(state.HeartbeatSeconds < state.TimeoutSeconds, false) if endswith(try(state.Resource, ""), ".waitForTaskToken")
    ])
    error_message = "A task that waits for a token must have a heartbeat shorter than its timeout."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.saga.definition).States.CapturePayment.TimeoutSeconds <= 3600
    error_message = "The precondition on the reservation allows an hour for the payment."
  }
}

run "an_approval_ends_when_the_profile_says" {
  command = plan

  variables {
    approval_timeout_seconds = 600
  }

  assert {
    condition = alltrue([
      jsondecode(aws_sfn_state_machine.saga.definition).States.RequestApproval.TimeoutSeconds == 600,
      jsondecode(aws_sfn_state_machine.saga.definition).States.RequestApproval.HeartbeatSeconds == 599,
    ])
    error_message = "The heartbeat is what ends the wait, so it must follow."
  }
}

run "the_longest_approval_that_the_reservation_outlasts" {
  command = plan

  variables {
    approval_timeout_seconds = 10799
  }

  assert {
    condition     = local.inventory.reservation_hold_seconds > var.approval_timeout_seconds + 3600
    error_message = "The reservation must outlast approval and payment."
  }
}

run "the_saga_reaches_what_its_states_name_and_nothing_else" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in data.aws_iam_policy_document.saga.statement : statement.sid => sort(statement.resources)
      if !contains(["DeliverLogs", "SendTraces"], statement.sid)
      }) == jsonencode({
      SendCommands = [
        "arn:aws:sqs:eu-central-1:111122223333:lakeside-capture-payment",
        "arn:aws:sqs:eu-central-1:111122223333:lakeside-refund-payment",
        "arn:aws:sqs:eu-central-1:111122223333:lakeside-reserve-stock",
      ]
      CallFunctions = [
        "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-allocate:live",
        "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-create-label:live",
        "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-release-stock:live",
        "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-void-label:live",
      ]
      EncryptCommands  = ["arn:aws:kms:eu-central-1:111122223333:key/messaging"]
      UseTheDataKey    = ["arn:aws:kms:eu-central-1:111122223333:key/data"]
      RequestApprovals = [module.table.arn]
      SayHowItEnded    = ["arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-fulfilment"]
    })
    error_message = "Whoever changes this list changes what the saga may do."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.saga.statement : statement.actions == toset(["dynamodb:PutItem"]) && anytrue([
        for condition in statement.condition : condition.variable == "dynamodb:LeadingKeys" && condition.values == tolist(["APPROVAL#*"])
      ]) if statement.sid == "RequestApprovals"
    ])
    error_message = "The saga may write approvals and no other item."
  }

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.saga.statement :
      [for action in statement.actions : !strcontains(action, "*")]
    ]))
    error_message = "No action may be a wildcard."
  }

  assert {
    condition     = aws_iam_role.saga.permissions_boundary == "arn:aws:iam::111122223333:policy/squads"
    error_message = "The role must be bounded by the policy of the platform."
  }
}

run "only_step_functions_of_this_account_assume_the_sagas_role" {
  command = plan

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.saga_trust.statement : alltrue([
        one(statement.principals).identifiers == toset(["states.amazonaws.com"]),
        one(statement.condition).variable == "aws:SourceAccount",
        one(statement.condition).values == tolist(["111122223333"]),
      ])
    ])
    error_message = "Step Functions must not act for another account."
  }
}

run "a_function_joins_the_network_when_asked" {
  command = plan

  variables {
    network_functions = ["start_fulfilment"]
  }

  assert {
    condition     = [for name, function in module.function : name if function.in_network] == ["start_fulfilment"]
    error_message = "The functions that were named must be in the network, and no others."
  }
}

run "a_table_buys_its_capacity_ahead_when_asked" {
  command = plan

  variables {
    table_capacity = { fulfilment = { read = { min = 5, max = 50 }, write = { min = 5, max = 50 } } }
  }

  assert {
    condition     = module.table.billing_mode == "PROVISIONED"
    error_message = "The table that was named must have capacity."
  }
}

run "the_processors_key_is_read_by_three_functions_and_is_in_no_setting" {
  command = plan

  assert {
    condition = alltrue([
      aws_secretsmanager_secret.payment_processor.name == "lakeside/payment-processor",
      aws_secretsmanager_secret.payment_processor.kms_key_id == "arn:aws:kms:eu-central-1:111122223333:key/secrets",
      aws_secretsmanager_secret.payment_processor.recovery_window_in_days == 30,
    ])
    error_message = "The secret is under a key of the platform's, and is kept for a while when it is deleted."
  }

  assert {
    condition = jsonencode({
      for name, function in local.functions : name => distinct(flatten([
        for statement in values(function.statements) : statement.resources
        if anytrue([for action in statement.actions : startswith(action, "secretsmanager:")])
      ]))
      if anytrue([for action in flatten(values(function.statements)[*].actions) : startswith(action, "secretsmanager:")])
    }) == jsonencode({ for name in local.processor_key_readers : name => [aws_secretsmanager_secret.payment_processor.arn] })
    error_message = "Exactly this secret, for exactly these functions."
  }

  assert {
    condition = {
      for name, function in local.functions : name => function.environment.PAYMENT_PROCESSOR_SECRET
      if contains(keys(function.environment), "PAYMENT_PROCESSOR_SECRET")
    } == { for name in local.processor_key_readers : name => aws_secretsmanager_secret.payment_processor.arn }
    error_message = "Settings name the secret and hold nothing of it."
  }
}

run "nobody_else_in_the_account_reads_the_processors_key" {
  command = plan

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.processor_key.statement : alltrue([
        statement.effect == "Deny",
        statement.actions == toset(["secretsmanager:GetSecretValue"]),
        one(statement.principals).identifiers == toset(["*"]),
        one(statement.condition).test == "ArnNotLike",
        one(statement.condition).variable == "aws:PrincipalArn",
        one(statement.condition).values == tolist(flatten([
          for name in local.processor_key_readers : [
            module.function[name].role.arn,
            "arn:aws:sts::111122223333:assumed-role/lakeside-${replace(name, "_", "-")}/*",
          ]
        ])),
      ])
    ])
    error_message = "Whatever is granted elsewhere, three functions see the key."
  }

  assert {
    condition = (
      aws_secretsmanager_secret_policy.processor_key.secret_arn == aws_secretsmanager_secret.payment_processor.arn
      && aws_secretsmanager_secret_policy.processor_key.block_public_policy
    )
    error_message = "The policy must be the secret's."
  }
}

run "the_processors_key_is_replaced_every_month_by_its_function" {
  command = plan

  assert {
    condition = alltrue([
      for rotation in aws_secretsmanager_secret_rotation.processor_key : alltrue([
        rotation.secret_id == aws_secretsmanager_secret.payment_processor.id,
        rotation.rotation_lambda_arn == module.function["rotate_processor_key"].alias_arn,
        one(rotation.rotation_rules).automatically_after_days == 30,
        !rotation.rotate_immediately,
      ])
    ]) && length(aws_secretsmanager_secret_rotation.processor_key) == 1
    error_message = "A key that nobody replaces is one that everybody had."
  }

  assert {
    condition = alltrue([
      aws_lambda_permission.rotation.principal == "secretsmanager.amazonaws.com",
      aws_lambda_permission.rotation.qualifier == "live",
      aws_lambda_permission.rotation.source_account == "111122223333",
      aws_lambda_permission.rotation.source_arn == aws_secretsmanager_secret.payment_processor.arn,
    ])
    error_message = "Secrets Manager calls the function for this secret of this account, and nobody else does."
  }
}

run "a_key_that_does_not_open_and_a_rotation_that_fails_page" {
  command = plan

  assert {
    condition = alltrue([
      for alarm in values(module.key_alarms.alarms) :
      alarm.threshold == 0 && alarm.periods == 1 && alarm.comparison == "GreaterThanThreshold"
    ])
    error_message = "The first one must ring."
  }

  assert {
    condition = (
      module.key_alarms.alarms["lakeside-payments-unauthorized"].topic_arn == local.platform.alarm_topic_arn
      && module.key_alarms.alarms["lakeside-processor-key-rotation"].topic_arn == local.platform.ticket_topic_arn
    )
    error_message = "Payments that wait must wake somebody; a rotation that failed is for the morning, for the current key works."
  }

  assert {
    condition = (
      module.key_alarms.alarms["lakeside-processor-key-rotation"].metrics.errors.dimensions == tomap({ FunctionName = "lakeside-rotate-processor-key" })
      && alltrue([
        for function, filter in aws_cloudwatch_log_metric_filter.not_let_in : alltrue([
          filter.log_group_name == "/aws/lambda/lakeside-${function}",
          filter.pattern == "{ $.outcome = \"UNAUTHORIZED\" }",
          one(filter.metric_transformation).name == module.key_alarms.alarms["lakeside-payments-unauthorized"].metrics.refusals.name,
          one(filter.metric_transformation).namespace == module.key_alarms.alarms["lakeside-payments-unauthorized"].metrics.refusals.namespace,
        ])
      ])
      && length(aws_cloudwatch_log_metric_filter.not_let_in) == 2
    )
    error_message = "What the functions write must be what the alarms count."
  }
}

run "people_may_rotate_instead" {
  command = plan

  variables {
    processor_key_rotation_days = 0
  }

  assert {
    condition     = length(aws_secretsmanager_secret_rotation.processor_key) == 0
    error_message = "Without a schedule Secrets Manager is not told of a function."
  }
}

run "operations_find_every_dead_letter_queue" {
  assert {
    condition = module.operations.queues == toset([
      "cancel-fulfilment",
      "capture-payment",
      "fulfilment-publish-outbox",
      "recover-fulfilment",
      "refund-payment",
      "start-fulfilment",
    ])
    error_message = "Whoever gives a message up must give it up where operations look."
  }
}
