mock_provider "aws" {
  source = "../../testing"
}

variables {
  environment       = "production"
  regions           = ["eu-central-1", "eu-west-1"]
  github_repository = "example/lakeside"
  audit             = { bucket = "lakeside-audit-444455556666-eu-central-1", key_arn = "arn:aws:kms:eu-central-1:444455556666:key/audit" }
  budgets           = { account = 100, squads = { orders = 10 }, tell = ["platform@example.com"] }
}

run "every_role_trusts_one_environment_of_one_repository" {
  command = plan

  assert {
    condition = alltrue([
      for document in data.aws_iam_policy_document.trust : (
        length(document.statement) == 1
        && document.statement[0].actions == toset(["sts:AssumeRoleWithWebIdentity"])
        && alltrue([for condition in document.statement[0].condition : condition.test == "StringEquals" && length(condition.values) >= 1])
        && toset([for condition in document.statement[0].condition : condition.variable]) == toset([
          "token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub",
        ])
      )
    ])
    error_message = "A pipeline's role must compare both the audience and the whole subject."
  }

  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.trust : name => one([
        for condition in document.statement[0].condition : join(" ", sort(condition.values)) if endswith(condition.variable, ":sub")
      ]) if !anytrue([for consumer in keys(local.consumers) : strcontains(name, "-${consumer}-")])
      } == {
      deploy-orders-production     = "repo:example/lakeside:environment:orders-production"
      deploy-inventory-production  = "repo:example/lakeside:environment:inventory-production"
      deploy-fulfilment-production = "repo:example/lakeside:environment:fulfilment-production"
      deploy-growth-production     = "repo:example/lakeside:environment:growth-production"
      apply-orders-production      = "repo:example/lakeside:environment:orders-production"
      apply-inventory-production   = "repo:example/lakeside:environment:inventory-production"
      apply-fulfilment-production  = "repo:example/lakeside:environment:fulfilment-production"
      apply-growth-production      = "repo:example/lakeside:environment:growth-production"
      deploy-platform-production   = "repo:example/lakeside:environment:platform-production"
      plan-production              = "repo:example/lakeside:pull_request repo:example/lakeside:ref:refs/heads/main"
    }
    error_message = "Each role must trust its own squad's environment, and nobody else's."
  }

  # Those of consumers, whoever they are, are as those of squads.
  assert {
    condition = alltrue([
      for role in setproduct(["deploy", "apply"], keys(local.consumers)) : contains([
        for condition in data.aws_iam_policy_document.trust["${role[0]}-${role[1]}-production"].statement[0].condition : one(condition.values)
        if endswith(condition.variable, ":sub")
      ], "repo:example/lakeside:environment:${role[1]}-production")
    ])
    error_message = "A consumer's roles must trust its own environment."
  }

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.trust : [
        for condition in document.statement[0].condition : [for value in condition.values : !strcontains(value, "*")]
      ]
    ]))
    error_message = "A subject with a wildcard is everybody's."
  }
}

run "squads_are_as_their_functions_are" {
  command = plan

  assert {
    condition = alltrue([
      for squad, owned in local.teams : toset(owned.functions) == toset([
        for package in fileset("../../../squad-modules/${squad}/tests/artifacts", "*.zip") :
        package == "publish-outbox.zip" ? "${squad}-publish-outbox" : trimsuffix(package, ".zip")
      ])
    ])
    error_message = "A squad's pipeline deploys every function that the squad has, and no other."
  }

  assert {
    condition = alltrue(flatten([
      for squad, owned in local.squads : [
        for other, others in local.squads : [
          for stem in owned.stems : [for another in others.stems : !startswith(another, stem)] if squad != other
        ]
      ]
    ]))
    error_message = "No squad's names may begin as another's do, or its grants would reach them."
  }
}

run "a_deployment_reaches_its_own_squad" {
  assert {
    condition = alltrue(flatten([
      for squad, document in data.aws_iam_policy_document.deploy : [
        for statement in document.statement : [
          for resource in statement.resources : !endswith(resource, ":*") && resource != "*"
        ]
      ]
    ]))
    error_message = "A deployment names what it touches."
  }

  assert {
    condition = alltrue(flatten([
      for squad, document in data.aws_iam_policy_document.deploy : [
        for statement in document.statement : [for action in statement.actions : !strcontains(action, "*") && !startswith(action, "iam:")]
      ]
    ]))
    error_message = "A deployment names what it does, and grants nothing."
  }

  assert {
    condition = alltrue([
      for squad, document in data.aws_iam_policy_document.deploy :
      toset([
        for arn in flatten([for statement in document.statement : statement.resources if statement.sid == "OwnFunctions"]) : split(":", arn)[6]
      ]) == toset([for function in local.squads[squad].functions : "lakeside-${function}"])
    ])
    error_message = "A deployment touches its own squad's functions."
  }

  assert {
    condition = alltrue([
      for squad, document in data.aws_iam_policy_document.deploy :
      flatten([for statement in document.statement : statement.resources if statement.sid == "OwnPackages"]) == ["arn:aws:s3:::lakeside-artifacts-111122223333-eu-central-1/${squad}/*"]
    ])
    error_message = "A deployment touches its own squad's packages."
  }
}

run "a_squads_terraform_makes_no_role_without_the_boundary" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.apply : [
        for statement in document.statement :
        one(statement.condition).variable == "iam:PermissionsBoundary"
        && one(statement.condition).values == tolist(["arn:aws:iam::111122223333:policy/lakeside-squad-boundary"])
        if length(setintersection(statement.actions, ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy"])) > 0
      ]
    ]))
    error_message = "Roles and their policies are made under the boundary alone."
  }

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.apply : [
        for statement in document.statement : !contains(statement.actions, "iam:DeleteRolePermissionsBoundary") && !contains(statement.actions, "iam:*")
      ]
    ]))
    error_message = "A squad cannot take the boundary off."
  }
}

run "a_squads_terraform_has_its_own_state" {
  command = plan

  assert {
    condition = alltrue([
      for squad, document in data.aws_iam_policy_document.apply :
      toset(flatten([for statement in document.statement : statement.resources if statement.sid == "OwnState"])) == toset([
        "arn:aws:s3:::lakeside-state-111122223333-eu-central-1/lakeside/squads/${squad}.tfstate",
        "arn:aws:s3:::lakeside-state-111122223333-eu-central-1/lakeside/squads/${squad}.tfstate.tflock",
      ])
    ])
    error_message = "A squad reads and writes its own state and no other."
  }
}

run "planning_sees_no_data" {
  command = plan

  assert {
    condition = alltrue([
      for action in ["dynamodb:Query", "dynamodb:Scan", "logs:GetLogEvents", "secretsmanager:GetSecretValue", "sqs:ReceiveMessage"] :
      contains(flatten([for statement in data.aws_iam_policy_document.plan.statement : statement.actions if statement.effect == "Deny"]), action)
    ])
    error_message = "Whoever opens a pull request must not read what customers have said."
  }

  assert {
    condition     = endswith(aws_iam_role_policy_attachment.plan.policy_arn, "/ReadOnlyAccess")
    error_message = "Planning changes nothing."
  }
}

run "the_boundary_bounds_to_this_account_and_its_regions" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement :
      statement.Condition.StringEquals["aws:RequestedRegion"] == ["eu-central-1", "eu-west-1"] if statement.Effect == "Allow"
    ])
    error_message = "Every grant within the boundary is for the squads' Regions."
  }

  assert {
    condition     = aws_iam_policy.boundary.name == "lakeside-squad-boundary"
    error_message = "The organization's policies know the boundary by this name."
  }
}

run "the_account_is_recorded_as_a_whole" {
  command = plan

  assert {
    condition = alltrue([
      aws_config_configuration_recorder.account.recording_group[0].all_supported,
      aws_config_configuration_recorder_status.account.is_enabled,
      aws_config_delivery_channel.account.s3_bucket_name == "lakeside-audit-444455556666-eu-central-1",
      aws_config_delivery_channel.account.s3_kms_key_arn == "arn:aws:kms:eu-central-1:444455556666:key/audit",
    ])
    error_message = "Config must record everything, and write it where the auditors are."
  }

  assert {
    condition = {
      for name, rule in aws_config_config_rule.own : "${name}.guard" => rule.source[0].custom_policy_details[0].policy_text
    } == { for name in fileset("./rules", "*.guard") : name => file("./rules/${name}") }
    error_message = "Every rule of our own must be in force as it is written."
  }
}

run "nothing_in_the_account_is_public" {
  command = plan

  assert {
    condition = alltrue(concat(
      [
        aws_s3_account_public_access_block.account["account"].block_public_acls,
        aws_s3_account_public_access_block.account["account"].block_public_policy,
        aws_s3_account_public_access_block.account["account"].ignore_public_acls,
        aws_s3_account_public_access_block.account["account"].restrict_public_buckets,
        aws_ebs_encryption_by_default.account.enabled,
      ],
      [for block in aws_s3_bucket_public_access_block.pipelines : block.block_public_policy && block.restrict_public_buckets],
    ))
    error_message = "No bucket of the account may be public."
  }
}

run "each_squad_is_told_what_it_spends" {
  command = plan

  assert {
    condition = (
      toset(keys(aws_budgets_budget.month)) == toset(["account", "orders"])
      && one(one(aws_budgets_budget.month["orders"].cost_filter).values) == "user:lakeside:squad$orders"
      && length(aws_budgets_budget.month["account"].cost_filter) == 0
      && alltrue([for budget in aws_budgets_budget.month : length(budget.notification) == 2])
    )
    error_message = "Budgets are for the account and for each squad by its tag, told before they are spent."
  }
}

run "a_squads_terraform_reaches_its_own_names" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for key, document in data.aws_iam_policy_document.own : [
        for resource in document.statement[0].resources :
        anytrue([for stem in local.squads[split(" ", key)[0]].stems : endswith(resource, "lakeside-${stem}*")])
        && split(":", resource)[2] != "*" && split(":", resource)[4] == "111122223333"
      ]
    ]))
    error_message = "What a squad's Terraform may do must be bound to the squad's names, service by service."
  }

  assert {
    condition     = length(aws_iam_role_policy_attachment.own) == 3 * length(local.squads)
    error_message = "Each squad's role must get all of what the squad owns."
  }
}
