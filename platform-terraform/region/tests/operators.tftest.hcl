mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

mock_provider "aws" {
  source = "../testing"
}

variables {
  environment = "test"
}

run "who_looks_changes_nothing_but_what_is_hidden_for_a_moment" {
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.look.statement : alltrue([
        for action in statement.actions :
        can(regex(":(BatchGet|Get|List|Describe|Query|Filter|Receive)", action))
        || contains(["kms:Decrypt", "lambda:InvokeFunction", "sqs:ChangeMessageVisibility"], action)
      ])
    ])
    error_message = "Whoever looks may read, compare, and hide a dead letter while it is read."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.look.statement : statement.resources if contains(statement.actions, "lambda:InvokeFunction")
    ]) == toset(["arn:aws:lambda:eu-central-1:111122223333:function:lakeside-reconcile-stock:live"])
    error_message = "The only function that whoever looks may invoke is the one that compares."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.look.statement : (
        length(statement.condition) == 1 && alltrue([
          for condition in statement.condition :
          condition.test == "ForAllValues:StringLike" && condition.variable == "dynamodb:LeadingKeys"
        ])
      ) if anytrue([for action in statement.actions : startswith(action, "dynamodb:")])
    ])
    error_message = "Of each table only the items that are looked at may be read."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.look.statement :
      one(statement.resources) => one(statement.condition).values if contains(statement.actions, "dynamodb:BatchGetItem")
      } == {
      for table, kind in { orders = "ORDER", order-status = "ORDER", inventory = "RESERVATION", fulfilment = "PAYMENT" } :
      "arn:aws:dynamodb:eu-central-1:111122223333:table/lakeside-${table}" => tolist(["${kind}#*"])
    }
    error_message = "Many items at a time are read of orders, and of what became of their stock and their money."
  }
}

run "nobody_reads_the_directory_or_secrets" {
  assert {
    condition = alltrue(flatten([
      for document in [data.aws_iam_policy_document.look, data.aws_iam_policy_document.repair] : [
        for statement in document.statement : [
          for resource in statement.resources : !strcontains(resource, "directory") && !strcontains(resource, ":secretsmanager:")
        ]
      ]
    ]))
    error_message = "Operating needs neither customers' data nor credentials."
  }
}

run "who_repairs_deletes_dead_letters_alone_and_replays_this_installation" {
  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.repair.statement : [
        for resource in statement.resources : can(regex("-dlq(\\.fifo)?$", resource))
      ] if contains(statement.actions, "sqs:DeleteMessage")
    ]))
    error_message = "What waits for a consumer is nobody's to delete."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.repair.statement : statement.resources if contains(statement.actions, "events:StartReplay")
    ]) == toset(["arn:aws:events:eu-central-1:111122223333:archive/lakeside-*", "arn:aws:events:eu-central-1:111122223333:replay/lakeside-*"])
    error_message = "Only what this installation has kept may be replayed."
  }

  assert {
    condition     = output.operators == { look = aws_iam_policy.look.arn, repair = aws_iam_policy.repair.arn }
    error_message = "Whoever gives people their roles must find the policies."
  }
}
