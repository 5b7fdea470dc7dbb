# Who there is, and what belongs to whom by name. A pipeline may touch what is listed for its squad and nothing else, so a
# new function of a squad is a line here: the one thing that squads ask the platform team for.
locals {
  teams = {
    orders = {
      functions = [
        "advance-order", "authorize-partner", "cancel-order", "customer-orders", "order-ingest", "order-query",
        "order-status", "orders-publish-outbox",
      ]
      others = ["orders", "partners"]
    }
    inventory = {
      functions = [
        "adjust-stock", "allocate", "inventory-publish-outbox", "project-store-stock", "publish-levels",
        "reconcile-stock", "release-stock", "reserve-stock", "stock-query", "sweep-reservations",
      ]
      others = ["inventory", "stock-differs", "store-stock"]
    }
    fulfilment = {
      functions = [
        "cancel-fulfilment", "capture-payment", "create-label", "fulfilment-publish-outbox", "recover-fulfilment",
        "refund-payment", "start-fulfilment", "void-label",
      ]
      others = ["fulfilment", "order-fulfilment"]
    }
    growth = {
      functions = ["accrue-loyalty", "growth-publish-outbox", "notify-customer", "publish-stock", "route-stock"]
      others    = ["analytics", "growth", "low-stock"]
    }
  }

  # A consumer that is nobody's is one directory: it needs no line, for its name is its function's.
  consumers = {
    for manifest in fileset("${path.module}/../../../squad-modules", "*/handlers/Cargo.toml") :
    split("/", manifest)[0] => { functions = [split("/", manifest)[0]], others = [] }
  }

  squads = {
    for name, squad in merge(local.consumers, local.teams) : name => {
      functions = squad.functions
      # What its resources are called begins with one of these. Where one begins with another, the shorter says it all.
      stems = [
        for stem in distinct(concat(squad.functions, squad.others)) : stem
        if !anytrue([for other in concat(squad.functions, squad.others) : startswith(stem, other) && stem != other])
      ]
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.name
}
