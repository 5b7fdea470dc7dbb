# What each function may touch, and how it is set up.
locals {
  # Tokens are no resources: whoever holds one may answer it.
  answer_the_saga = { actions = ["states:SendTaskSuccess"], resources = ["*"] }
  execution_arns  = "arn:aws:states:${local.platform.region}:${local.platform.account_id}:execution:${local.state_machine_name}:*"

  # An effect outside needs its record and the lease around it, which end in one transaction.
  effects = {
    for function, record in {
      capture_payment = { keys = "PAYMENT#*", reads = ["GetItem"] }
      refund_payment  = { keys = "PAYMENT#*", reads = ["GetItem"] }
      create_label    = { keys = "LABEL#*", reads = ["ConditionCheckItem", "GetItem"] }
      void_label      = { keys = "LABEL#*", reads = ["Query"] }
      } : function => {
      Record = {
        arn          = module.table.arn
        actions      = ["PutItem"]
        leading_keys = [record.keys, "LEASE#${replace(function, "_", "-")}#*"]
      }
      ReadRecords = { arn = module.table.arn, actions = record.reads, leading_keys = [record.keys] }
      GiveUpLeases = {
        arn          = module.table.arn
        actions      = ["DeleteItem"]
        leading_keys = ["LEASE#${replace(function, "_", "-")}#*"]
      }
    }
  }

  functions = {
    start_fulfilment = {
      timeout_seconds = 10
      environment = {
        STATE_MACHINE_ARN        = local.state_machine_arn
        APPROVAL_THRESHOLD_MINOR = tostring(var.approval_threshold_minor)
        FULFILMENT_TABLE         = module.table.name
      }
      # Who was paid for was approved.
      tables = {
        ReadPayments = { arn = module.table.arn, actions = ["GetItem"], leading_keys = ["PAYMENT#*"] }
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
      environment     = merge(local.processor, { FULFILMENT_TABLE = module.table.name })
      tables          = local.effects["capture_payment"]
      statements      = merge(local.read_the_processor_key, { AnswerTheSaga = local.answer_the_saga })
    }
    refund_payment = {
      timeout_seconds = 20
      environment     = merge(local.processor, { FULFILMENT_TABLE = module.table.name })
      tables          = local.effects["refund_payment"]
      statements      = merge(local.read_the_processor_key, { AnswerTheSaga = local.answer_the_saga })
    }
    # Secrets Manager calls it, in processor_key.tf.
    rotate_processor_key = {
      timeout_seconds = 60
      environment     = merge(local.processor, { PROCESSOR_KEY_OWNER = aws_secretsmanager_secret.payment_processor.name })
      tables          = {}
      statements      = local.rotate_the_processor_key
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
    otlp                   = var.otlp
    function_role_auditors = var.function_role_auditors
    canary                 = var.canary
  }
}

module "function" {
  source   = "../modules/function"
  for_each = local.functions

  name            = replace(each.key, "_", "-")
  platform        = local.platform
  settings        = local.settings
  in_network      = contains(var.network_functions, each.key)
  timeout_seconds = lookup(var.function_timeout_seconds, each.key, each.value.timeout_seconds)
  environment     = each.value.environment
  tables          = each.value.tables
  statements      = each.value.statements
}
