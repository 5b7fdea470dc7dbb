# What each function may touch, and how it is set up. What one transaction writes is granted in one statement: AWS does not
# say whether it holds each item to its own key or to those of all.
locals {
  stock        = ["SKU#*"]
  reservations = ["RESERVATION#*"]
  allocations  = ["ALLOCATION#*"]

  functions = {
    adjust_stock = {
      timeout_seconds = 10
      environment     = { INVENTORY_TABLE = module.table.name }
      tables = {
        Adjust = {
          arn          = module.table.arn
          actions      = ["ConditionCheckItem", "GetItem", "PutItem", "UpdateItem"]
          leading_keys = concat(local.stock, ["ADJUSTMENT#*"])
        }
        ReadStock   = { arn = module.table.arn, actions = ["Query"], leading_keys = local.stock }
        RecordSales = { arn = module.table.arn, actions = ["PutItem"], leading_keys = ["SALE#*"] }
      }
      statements = {}
    }
    reconcile_stock = {
      timeout_seconds = 100
      # It runs once in such a period: two runs in a row.
      errors      = { period_seconds = 900, periods = 2 }
      environment = { INVENTORY_TABLE = module.table.name }
      tables = {
        FindSkus = {
          arn          = "${module.table.arn}/index/skus-by-shard"
          actions      = ["Query"]
          leading_keys = ["STOCK#*"]
        }
        # Writes only to move units between the pools of a SKU.
        Compare = {
          arn          = module.table.arn
          actions      = ["Query", "UpdateItem"]
          leading_keys = local.stock
        }
        KeepThePlace = {
          arn          = module.table.arn
          actions      = ["GetItem", "PutItem"]
          leading_keys = ["POSITION#reconcile-stock"]
        }
      }
      statements = {}
    }
    reserve_stock = {
      timeout_seconds = 10
      environment = {
        INVENTORY_TABLE          = module.table.name
        RESERVATION_HOLD_SECONDS = tostring(var.reservation_hold_seconds)
      }
      tables = {
        Reserve = {
          arn          = module.table.arn
          actions      = ["ConditionCheckItem", "PutItem", "UpdateItem"]
          leading_keys = concat(local.stock, local.reservations)
        }
        ReadStock        = { arn = module.table.arn, actions = ["Query"], leading_keys = local.stock }
        ReadReservations = { arn = module.table.arn, actions = ["BatchGetItem"], leading_keys = local.reservations }
      }
      # Tokens are no resources: whoever holds one may answer it.
      statements = { AnswerTheSaga = { actions = ["states:SendTaskSuccess"], resources = ["*"] } }
    }
    release_stock = {
      timeout_seconds = 10
      environment     = { INVENTORY_TABLE = module.table.name }
      tables = {
        Release = {
          arn          = module.table.arn
          actions      = ["UpdateItem"]
          leading_keys = concat(local.stock, local.reservations, local.allocations)
        }
        Close = {
          arn          = module.table.arn
          actions      = ["GetItem", "PutItem"]
          leading_keys = concat(local.reservations, local.allocations)
        }
      }
      statements = {}
    }
    sweep_reservations = {
      timeout_seconds = 50
      environment = {
        INVENTORY_TABLE     = module.table.name
        SWEEP_GRACE_SECONDS = tostring(var.sweep_grace_seconds)
      }
      tables = {
        FindEndedHolds = {
          arn          = "${module.table.arn}/index/held-by-end"
          actions      = ["Query"]
          leading_keys = ["HELD#*"]
        }
        Sweep = {
          arn          = module.table.arn
          actions      = ["UpdateItem"]
          leading_keys = concat(local.stock, local.reservations)
        }
        ReadReservations = { arn = module.table.arn, actions = ["GetItem"], leading_keys = local.reservations }
      }
      statements = {}
    }
    publish_levels = {
      timeout_seconds = 30
      environment = {
        BUS_NAME        = local.platform.buses["inventory"].name
        INVENTORY_TABLE = module.table.name
      }
      tables = {
        ReadLevels = { arn = module.table.arn, actions = ["Query"], leading_keys = local.stock }
      }
      statements = {
        Publish = { actions = ["events:PutEvents"], resources = [local.platform.buses["inventory"].arn] }
      }
    }
    project_store_stock = {
      timeout_seconds = 10
      environment     = { STORE_STOCK_TABLE = module.store_stock_table.name }
      tables = {
        Project = { arn = module.store_stock_table.arn, actions = ["PutItem"], leading_keys = local.stock }
      }
      statements = {}
    }
    stock_query = {
      timeout_seconds = 5
      environment     = { STORE_STOCK_TABLE = module.store_stock_table.name }
      tables = {
        ReadSkus = { arn = module.store_stock_table.arn, actions = ["Query"], leading_keys = local.stock }
        ReadNodes = {
          arn          = "${module.store_stock_table.arn}/index/stock-by-node"
          actions      = ["Query"]
          leading_keys = ["NODE#*"]
        }
      }
      statements = {}
    }
    allocate = {
      timeout_seconds = 10
      environment     = { INVENTORY_TABLE = module.table.name }
      tables = {
        Allocate = {
          arn          = module.table.arn
          actions      = ["PutItem", "UpdateItem"]
          leading_keys = concat(local.stock, local.reservations, local.allocations)
        }
        ReadStock = { arn = module.table.arn, actions = ["Query"], leading_keys = local.stock }
        ReadOrders = {
          arn          = module.table.arn
          actions      = ["GetItem"]
          leading_keys = concat(local.reservations, local.allocations)
        }
      }
      statements = {}
    }
  }
}

resource "aws_lambda_permission" "door" {
  for_each = { Sku = "GET/stock/*", Store = "GET/stores/*/stock" }

  statement_id  = "Door${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = module.function["stock_query"].arn
  qualifier     = "live"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.platform.api_execution_arn}/*/${each.value}"
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
  errors                  = try(each.value.errors, null)
}
