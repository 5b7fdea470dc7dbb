# What each function may touch, and how it is set up.
locals {
  functions = {
    accrue_loyalty = {
      timeout_seconds = 10
      environment = {
        GROWTH_TABLE            = module.table.name
        LOYALTY_MINOR_PER_POINT = tostring(var.loyalty_minor_per_point)
        LOYALTY_CURRENCY        = var.loyalty_currency
      }
      tables = {
        CountPoints = {
          arn          = module.table.arn
          actions      = ["PutItem", "UpdateItem"]
          leading_keys = ["LOYALTY#*", "ACCOUNT#*"]
        }
        ReadPoints = { arn = module.table.arn, actions = ["GetItem"], leading_keys = ["LOYALTY#*"] }
      }
      statements = {}
    }
    notify_customer = {
      timeout_seconds = 30
      environment = {
        GROWTH_TABLE    = module.table.name
        DIRECTORY_TABLE = local.platform.directory.name
        SENDER_ADDRESS  = var.sender_address
      }
      tables = {
        KeepNotices = {
          arn          = module.table.arn
          actions      = ["PutItem"]
          leading_keys = ["NOTICE#*", "LEASE#notify-customer#*"]
        }
        ReadNotices = { arn = module.table.arn, actions = ["GetItem", "Query"], leading_keys = ["NOTICE#*"] }
        GiveUpLeases = {
          arn          = module.table.arn
          actions      = ["DeleteItem"]
          leading_keys = ["LEASE#notify-customer#*"]
        }
        # How customers are reached, and not where they live.
        ReadContacts = {
          arn          = local.platform.directory.arn
          actions      = ["GetItem"]
          leading_keys = ["CUSTOMER#*"]
          attributes   = ["email", "phone", "preferredChannel"]
        }
      }
      statements = {
        DecryptTheDirectory = { actions = ["kms:Decrypt"], resources = [local.platform.directory.key_arn] }
      }
    }
    # Where it sends to is in marketplaces.tf.
    route_stock = {
      timeout_seconds = 10
      environment     = {}
      tables          = {}
      statements = {
        EncryptMessages = {
          actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
          resources = [local.platform.keys.messaging]
        }
      }
    }
    publish_stock = {
      timeout_seconds = 10
      environment = {
        GROWTH_TABLE = module.table.name
        # The names of the secrets, never what is in them.
        MARKETPLACES = jsonencode({
          for name, marketplace in var.marketplaces : name => {
            url    = marketplace.url
            secret = aws_secretsmanager_secret.marketplace[name].arn
          }
        })
      }
      tables = {
        KeepListings = {
          arn          = module.table.arn
          actions      = ["PutItem"]
          leading_keys = ["LISTING#*", "LEASE#publish-stock#*"]
        }
        ReadListings = { arn = module.table.arn, actions = ["GetItem"], leading_keys = ["LISTING#*"] }
        GiveUpLeases = {
          arn          = module.table.arn
          actions      = ["DeleteItem"]
          leading_keys = ["LEASE#publish-stock#*"]
        }
      }
      statements = {
        ReadCredentials = {
          actions   = ["secretsmanager:GetSecretValue"]
          resources = [for secret in aws_secretsmanager_secret.marketplace : secret.arn]
        }
      }
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
  in_network      = contains(var.network_functions, each.key)
  timeout_seconds = lookup(var.function_timeout_seconds, each.key, each.value.timeout_seconds)
  environment     = merge(each.value.environment, try(local.routes[each.key].environment, {}))
  tables          = each.value.tables
  statements      = merge(each.value.statements, try(local.routes[each.key].statements, {}))
}
