# What each function may touch, and how it is set up.
locals {
  # Tokens are no resources: whoever holds one may answer it.
  answer_the_saga = { actions = ["states:SendTaskSuccess"], resources = ["*"] }
  execution_arns  = "arn:aws:states:${local.platform.region}:${local.platform.account_id}:execution:${local.state_machine_name}:*"

  # An effect outside needs its record and the lease around it.
  effects = {
    for function, records in {
      capture_payment = "PAYMENT#*"
      refund_payment  = "PAYMENT#*"
      create_label    = "LABEL#*"
      void_label      = "LABEL#*"
      } : function => {
      Record = {
        arn          = module.table.arn
        actions      = ["ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"]
        leading_keys = [records, "LEASE#${replace(function, "_", "-")}#*"]
      }
    }
  }

  functions = {
    start_fulfilment = {
      timeout_seconds = 10
      environment = {
        FULFILMENT_TABLE         = module.table.name
        STATE_MACHINE_ARN        = local.state_machine_arn
        APPROVAL_THRESHOLD_MINOR = tostring(var.approval_threshold_minor)
      }
      tables = {
        SeePayments = { arn = module.table.arn, actions = ["GetItem"], leading_keys = ["PAYMENT#*"] }
      }
      statements = local.start_sagas
    }
    recover_fulfilment = {
      timeout_seconds = 10
      environment     = { STATE_MACHINE_ARN = local.state_machine_arn }
      tables          = {}
      statements      = merge(local.start_sagas, { ReadHistories = local.read_histories })
    }
    cancel_fulfilment = {
      timeout_seconds = 10
      environment     = { FULFILMENT_TABLE = module.table.name }
      tables = {
        ClosePaymentsAndLabels = {
          arn          = module.table.arn
          actions      = ["PutItem"]
          leading_keys = ["PAYMENT#*", "LABEL#*"]
        }
        CloseApprovals = {
          arn          = module.table.arn
          actions      = ["UpdateItem"]
          leading_keys = ["APPROVAL#*"]
        }
      }
      statements = { AnswerTheSaga = local.answer_the_saga }
    }
    capture_payment = {
      timeout_seconds = 20
      environment     = { FULFILMENT_TABLE = module.table.name, PAYMENT_PROCESSOR_URL = var.payment_processor_url }
      tables          = local.effects["capture_payment"]
      statements      = { AnswerTheSaga = local.answer_the_saga }
    }
    refund_payment = {
      timeout_seconds = 20
      environment     = { FULFILMENT_TABLE = module.table.name, PAYMENT_PROCESSOR_URL = var.payment_processor_url }
      tables          = local.effects["refund_payment"]
      statements      = { AnswerTheSaga = local.answer_the_saga }
    }
    create_label = {
      timeout_seconds = 20
      environment = {
        FULFILMENT_TABLE = module.table.name
        CARRIER_URL      = var.carrier_url
        DIRECTORY_TABLE  = local.platform.directory.name
      }
      tables = merge(local.effects["create_label"], {
        # Where parcels go, and not how their recipients are reached.
        ReadAddresses = {
          arn          = local.platform.directory.arn
          actions      = ["GetItem"]
          leading_keys = ["ADDRESS#*"]
          attributes   = ["name", "street", "city", "postalCode", "country"]
        }
      })
      statements = {
        DecryptTheDirectory = { actions = ["kms:Decrypt"], resources = [local.platform.directory.key_arn] }
      }
    }
    void_label = {
      timeout_seconds = 20
      environment     = { FULFILMENT_TABLE = module.table.name, CARRIER_URL = var.carrier_url }
      tables          = local.effects["void_label"]
      statements      = {}
    }
  }

  # Whether an execution that failed had completed its order is written in its history alone.
  read_histories = { actions = ["states:GetExecutionHistory"], resources = [local.execution_arns] }

  start_sagas = {
    StartSagas   = { actions = ["states:StartExecution"], resources = [local.state_machine_arn] }
    CompareSagas = { actions = ["states:DescribeExecution"], resources = [local.execution_arns] }
  }
}

locals {
  platform = module.platform.platform
  settings = {
    artifacts_dir          = var.artifacts_dir
    architecture           = var.architecture
    log_retention_days     = var.log_retention_days
    tracing                = var.tracing
    function_role_auditors = var.function_role_auditors
  }
}

module "function" {
  source   = "../modules/function"
  for_each = local.functions

  name            = replace(each.key, "_", "-")
  platform        = local.platform
  settings        = local.settings
  timeout_seconds = lookup(var.function_timeout_seconds, each.key, each.value.timeout_seconds)
  environment     = each.value.environment
  tables          = each.value.tables
  statements      = each.value.statements
}
