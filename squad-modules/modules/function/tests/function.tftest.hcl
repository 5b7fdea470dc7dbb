mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  name = "reserve-stock"
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
  settings    = { artifacts_dir = "tests/artifacts" }
  environment = { INVENTORY_TABLE = "test-inventory" }
  tables = {
    Reserve = {
      arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
      actions      = ["PutItem", "UpdateItem"]
      leading_keys = ["SKU#*", "RESERVATION#*"]
    }
  }
  statements = { AnswerTheSaga = { actions = ["states:SendTaskSuccess"], resources = ["*"] } }
}

run "the_alias_is_what_callers_use" {
  assert {
    condition     = output.alias_arn == aws_lambda_alias.live.arn && aws_lambda_alias.live.name == "live"
    error_message = "Callers must go through the alias live."
  }

  assert {
    condition = (
      aws_lambda_function.function.publish
      && aws_lambda_alias.live.function_version == aws_lambda_function.function.version
    )
    error_message = "The alias must point at a published version."
  }
}

run "the_package_is_the_functions_own" {
  command = plan

  assert {
    condition     = endswith(aws_lambda_function.function.filename, "/reserve-stock.zip")
    error_message = "Without a binary of its own name the package is called like the function."
  }

  assert {
    condition = (
      aws_lambda_function.function.runtime == "provided.al2023"
      && aws_lambda_function.function.architectures == tolist(["arm64"])
    )
    error_message = "Functions run on arm64 unless the settings say otherwise."
  }
}

run "later_code_is_brought_by_a_deployment" {
  command = plan

  variables {
    settings = { artifacts_dir = "./tests/artifacts" }
  }

  assert {
    condition     = aws_lambda_function.function.filename == "tests/artifacts/reserve-stock.zip"
    error_message = "Terraform must not bring code to a function that exists, behind the back of whoever watches it."
  }
}

run "everything_is_encrypted_with_the_platforms_keys" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.logs.kms_key_id == var.platform.keys.logs
    error_message = "The log group must use the key for logs."
  }

  assert {
    condition     = aws_lambda_function.function.kms_key_arn == var.platform.keys.data
    error_message = "The function's environment must be encrypted with the key for data."
  }
}

run "logs_are_kept_for_a_while_and_in_the_functions_own_group" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", log_retention_days = 14 }
  }

  assert {
    condition     = aws_cloudwatch_log_group.logs.retention_in_days == 14
    error_message = "Logs must expire as the settings say."
  }

  assert {
    condition     = aws_lambda_function.function.logging_config[0].log_group == "/aws/lambda/test-reserve-stock"
    error_message = "The function must write to its own log group."
  }
}

run "a_role_reaches_only_the_items_it_names" {
  command = plan

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.function.statement : anytrue([
        for condition in statement.condition :
        condition.test == "ForAllValues:StringLike"
        && condition.variable == "dynamodb:LeadingKeys"
        && length(condition.values) > 0 && !contains(condition.values, "*")
      ]) if anytrue([for action in statement.actions : startswith(action, "dynamodb:")])
    ])
    error_message = "Every grant on a table must be bound to partition keys."
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.function.statement :
      statement.sid == "Reserve"
      && statement.resources == toset(["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"])
      && statement.actions == toset(["dynamodb:PutItem", "dynamodb:UpdateItem"])
      && anytrue([for condition in statement.condition : condition.values == tolist(["SKU#*", "RESERVATION#*"])])
    ])
    error_message = "The grant must be for the table, the actions and the keys it was given."
  }
}

run "a_role_reads_only_the_attributes_it_names" {
  command = plan

  variables {
    tables = {
      ReadContacts = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-directory"
        actions      = ["GetItem"]
        leading_keys = ["CUSTOMER#*"]
        attributes   = ["email"]
      }
    }
  }

  assert {
    condition = {
      for condition in flatten([
        for statement in data.aws_iam_policy_document.function.statement :
        statement.condition if statement.sid == "ReadContacts"
      ]) : "${condition.test} ${condition.variable}" => toset(condition.values)
      } == {
      "ForAllValues:StringLike dynamodb:LeadingKeys"  = toset(["CUSTOMER#*"])
      "ForAllValues:StringEquals dynamodb:Attributes" = toset(["pk", "sk", "email"])
      "StringEqualsIfExists dynamodb:Select"          = toset(["SPECIFIC_ATTRIBUTES"])
    }
    error_message = "The grant must be bound to its attributes, and to requests that name them."
  }
}

run "a_role_has_what_it_was_given_and_what_every_function_needs" {
  command = plan

  assert {
    condition = toset(data.aws_iam_policy_document.function.statement[*].sid) == toset([
      "AnswerTheSaga", "Reserve", "SendTraces", "UseTheDataKey", "WriteLogs",
    ])
    error_message = "A role must have nothing else."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.function.statement :
      contains(["AnswerTheSaga", "SendTraces"], statement.sid) || !contains(statement.resources, "*")
    ])
    error_message = "Only task tokens and traces are no resources."
  }

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.function.statement :
      [for action in statement.actions : !strcontains(action, "*")]
    ]))
    error_message = "No action may be a wildcard."
  }

  assert {
    condition     = aws_iam_role.function.permissions_boundary == var.platform.permissions_boundary_arn
    error_message = "The role must be bounded by the platform's policy."
  }
}

run "only_lambda_assumes_a_role" {
  command = plan

  assert {
    condition = alltrue([
      for principal in flatten(data.aws_iam_policy_document.trust.statement[*].principals) :
      principal.type == "Service" && principal.identifiers == toset(["lambda.amazonaws.com"])
    ])
    error_message = "Without auditors nobody but Lambda may assume the role."
  }
}

run "auditors_may_assume_a_role_where_a_profile_names_them" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", function_role_auditors = ["arn:aws:iam::111122223333:root"] }
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.trust.statement :
      statement.sid == "Auditors" && one(statement.principals).identifiers == toset(["arn:aws:iam::111122223333:root"])
    ])
    error_message = "The auditors must be trusted."
  }
}

run "tracing_can_be_switched_off" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", tracing = false }
  }

  assert {
    condition = (
      aws_lambda_function.function.tracing_config[0].mode == "PassThrough"
      && !contains(data.aws_iam_policy_document.function.statement[*].sid, "SendTraces")
    )
    error_message = "Without tracing the function must neither trace nor be allowed to."
  }
}

run "spans_go_nowhere_unless_asked_for" {
  command = plan

  assert {
    condition = (
      aws_lambda_function.function.environment[0].variables == tomap({ INVENTORY_TABLE = "test-inventory", LOG_LEVEL = "info" })
      && length(coalesce(aws_lambda_function.function.layers, [])) == 0
    )
    error_message = "Without the option a function must have nothing of it."
  }
}

run "spans_go_to_the_extension_of_a_layer" {
  command = plan

  variables {
    settings = {
      artifacts_dir = "tests/artifacts"
      otlp = {
        endpoint   = "http://localhost:4318"
        layer_arns = ["arn:aws:lambda:eu-central-1:111122223333:layer:collector:7"]
      }
    }
  }

  assert {
    condition = (
      aws_lambda_function.function.environment[0].variables == tomap({
        INVENTORY_TABLE             = "test-inventory"
        LOG_LEVEL                   = "info"
        OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4318"
      })
      && aws_lambda_function.function.layers == tolist(["arn:aws:lambda:eu-central-1:111122223333:layer:collector:7"])
    )
    error_message = "The function must know the address, and have the layer that listens there."
  }
}

run "spans_go_to_a_collector_outside_over_https" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", otlp = { endpoint = "https://collector.example:443/otlp" } }
  }

  assert {
    condition = (
      aws_lambda_function.function.environment[0].variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://collector.example:443/otlp"
      && length(coalesce(aws_lambda_function.function.layers, [])) == 0
    )
    error_message = "A collector outside of the sandbox needs no layer."
  }
}

run "nothing_is_kept_warm_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.live) == 0
    error_message = "An idle function must cost nothing."
  }
}

run "the_alias_can_be_kept_warm" {
  command = plan

  variables {
    provisioned_concurrency = 3
  }

  assert {
    condition = alltrue([
      aws_lambda_provisioned_concurrency_config.live[0].qualifier == "live",
      aws_lambda_provisioned_concurrency_config.live[0].function_name == "test-reserve-stock",
      aws_lambda_provisioned_concurrency_config.live[0].provisioned_concurrent_executions == 3,
    ])
    error_message = "Warm must be what callers use."
  }
}

run "failures_and_throttles_page" {
  command = plan

  assert {
    condition = alltrue([
      for alarm in values(output.alarms) :
      alarm.comparison == "GreaterThanThreshold"
      && alarm.missing == "notBreaching"
      && alarm.topic_arn == var.platform.alarm_topic_arn
      && alltrue([for metric in values(alarm.metrics) : metric.dimensions == tomap({ FunctionName = "test-reserve-stock" })])
    ])
    error_message = "Failures and throttles of the function must reach the alarm topic."
  }

  assert {
    condition     = output.alarms["test-reserve-stock-throttles"].threshold == 0
    error_message = "Any throttle that stays must reach the alarm topic."
  }

  assert {
    condition = (
      output.alarms["test-reserve-stock-errors"].expression == "IF(invocations > 0, 100 * errors / invocations, 0)"
      && output.alarms["test-reserve-stock-errors"].threshold == 5
      && output.alarms["test-reserve-stock-errors"].breaching_periods > 1
    )
    error_message = "Failures must be judged as a share, and in more than one minute."
  }

  assert {
    condition     = output.deployment.alarm == "test-reserve-stock-errors"
    error_message = "A deployment must watch the function's failures."
  }
}

run "what_the_clock_invokes_is_judged_by_its_runs" {
  command = plan

  variables {
    errors = { period_seconds = 900, periods = 2 }
  }

  assert {
    condition = (
      output.alarms["test-reserve-stock-errors"].period_seconds == 900
      && output.alarms["test-reserve-stock-errors"].periods == 2
      && output.alarms["test-reserve-stock-errors"].breaching_periods == 2
    )
    error_message = "Two runs in a row must be enough, however far apart they are."
  }
}

run "a_role_of_the_standby_has_a_name_of_its_own" {
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
      regions = { home = "eu-west-1", owns_tables = false, role_suffix = "-eu-central-1", processing = false }
    }
  }

  assert {
    condition     = aws_iam_role.function.name == "test-reserve-stock-eu-central-1" && aws_lambda_function.function.function_name == "test-reserve-stock"
    error_message = "Roles are the account's, functions the Region's."
  }
}
