# What each function may touch, and how it is set up.
locals {
  functions = {
    order_ingest = {
      timeout_seconds = 10
      environment     = { ORDERS_TABLE = module.table.name }
      tables = {
        ReadPrices = { arn = module.table.arn, actions = ["BatchGetItem"], leading_keys = ["SKU#*"] }
        WriteOrders = {
          arn          = module.table.arn
          actions      = ["ConditionCheckItem", "PutItem"]
          leading_keys = ["ORDER#*"]
        }
        KeepRefused = { arn = module.table.arn, actions = ["PutItem"], leading_keys = ["SUBMISSION#*"] }
      }
      statements = {}
    }
    cancel_order = {
      timeout_seconds = 10
      environment     = { ORDERS_TABLE = module.table.name }
      tables = {
        RequestCancellations = {
          arn          = module.table.arn
          actions      = ["ConditionCheckItem", "GetItem", "PutItem"]
          leading_keys = ["ORDER#*"]
        }
        KeepRefused = { arn = module.table.arn, actions = ["PutItem"], leading_keys = ["SUBMISSION#*"] }
      }
      statements = {}
    }
    advance_order = {
      timeout_seconds = 10
      environment     = { ORDERS_TABLE = module.table.name }
      tables = {
        AdvanceOrders = { arn = module.table.arn, actions = ["GetItem", "PutItem"], leading_keys = ["ORDER#*"] }
      }
      statements = {}
    }
    order_status = {
      timeout_seconds = 10
      environment     = { ORDER_STATUS_TABLE = module.status_table.name }
      tables = {
        Project = { arn = module.status_table.arn, actions = ["UpdateItem"], leading_keys = ["ORDER#*"] }
      }
      statements = {}
    }
    order_query = {
      timeout_seconds = 5
      environment     = { ORDER_STATUS_TABLE = module.status_table.name }
      tables = {
        Read = { arn = module.status_table.arn, actions = ["GetItem"], leading_keys = ["ORDER#*"] }
      }
      statements = {}
    }
    authorize_partner = {
      timeout_seconds = 5
      environment     = { PARTNERS_TABLE = module.partners_table.name }
      tables = {
        FindPartners = { arn = module.partners_table.arn, actions = ["GetItem"], leading_keys = ["PARTNER#*"] }
      }
      statements = {}
    }
    customer_orders = {
      timeout_seconds = 5
      environment     = { ORDER_STATUS_TABLE = module.status_table.name }
      tables = {
        FindOrders = {
          arn          = "${module.status_table.arn}/index/by-customer"
          actions      = ["Query"]
          leading_keys = ["CUSTOMER#*"]
        }
        ReadOrders = { arn = module.status_table.arn, actions = ["BatchGetItem"], leading_keys = ["ORDER#*"] }
      }
      statements = {}
    }
  }
}

resource "aws_lambda_permission" "door" {
  statement_id  = "Door"
  action        = "lambda:InvokeFunction"
  function_name = module.function["order_query"].arn
  qualifier     = "live"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.platform.api_execution_arn}/*/GET/orders/*"
}

resource "aws_lambda_permission" "partners_door" {
  statement_id  = "PartnersDoor"
  action        = "lambda:InvokeFunction"
  function_name = module.function["order_query"].arn
  qualifier     = "live"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.platform.api_execution_arn}/*/GET/partner/orders/*"
}

# An authorizer is called for every method that has it, so it is named instead of them.
resource "aws_lambda_permission" "authorizer" {
  statement_id  = "Authorizer"
  action        = "lambda:InvokeFunction"
  function_name = module.function["authorize_partner"].arn
  qualifier     = "live"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.platform.api_execution_arn}/authorizers/*"
}

resource "aws_lambda_permission" "door_to_lists" {
  statement_id  = "Door"
  action        = "lambda:InvokeFunction"
  function_name = module.function["customer_orders"].arn
  qualifier     = "live"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.platform.api_execution_arn}/*/GET/orders"
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

  name                    = replace(each.key, "_", "-")
  platform                = local.platform
  settings                = local.settings
  in_network              = contains(var.network_functions, each.key)
  timeout_seconds         = lookup(var.function_timeout_seconds, each.key, each.value.timeout_seconds)
  provisioned_concurrency = lookup(var.provisioned_concurrency, each.key, 0)
  environment             = each.value.environment
  tables                  = each.value.tables
  statements              = each.value.statements
}
