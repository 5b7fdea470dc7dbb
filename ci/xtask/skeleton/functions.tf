# What the function may touch, and how it is set up.
locals {
  functions = {
    <module> = {
      timeout_seconds = 10
      environment = {
        TABLE_NAME = module.table.name
      }
      tables = {
        KeepFacts = {
          arn          = module.table.arn
          actions      = ["PutItem"]
          leading_keys = ["FACT#*"]
        }
      }
      statements = {}
    }
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
  timeout_seconds = each.value.timeout_seconds
  environment     = each.value.environment
  tables          = each.value.tables
  statements      = each.value.statements
}
