# What no queue and no function tells by itself.
module "alarms" {
  source = "../../platform-terraform/modules/alarms"

  platform = local.platform

  alarms = {
    stock-differs = {
      severity       = "page"
      description    = "Pools and nodes of a SKU disagree: something wrote past the rules."
      objective      = "pools and nodes of every SKU agree"
      runbook        = "stock-difference"
      graph          = "SKUs whose pools and nodes disagree"
      threshold      = 0
      period_seconds = 300

      metrics = {
        differences = {
          namespace  = "Lakeside"
          name       = "StockDifferences"
          statistic  = "Maximum"
          dimensions = { Function = "${local.platform.prefix}-reconcile-stock" }
        }
      }
    }

    # A comparison that never ends finds no difference either.
    stock-not-compared = {
      severity       = "page"
      description    = "No comparison of pools and nodes has ended."
      objective      = "pools and nodes are compared four times in an hour, of which one may fail"
      runbook        = "oversell-suspected"
      graph          = "Comparisons of pools and nodes"
      comparison     = "LessThanThreshold"
      threshold      = 1
      period_seconds = 1800
      periods        = 2
      missing        = "breaching"
      rings          = local.platform.regions.processing

      metrics = {
        comparisons = {
          namespace  = "Lakeside"
          name       = "StockDifferences"
          statistic  = "SampleCount"
          dimensions = { Function = "${local.platform.prefix}-reconcile-stock" }
        }
      }
    }

    holds-forsaken = {
      severity       = "ticket"
      description    = "Stock was held for an hour by orders whose sagas neither sold nor released it."
      objective      = "every saga sells or releases what it holds"
      runbook        = "oversell-suspected"
      graph          = "Holds that the clock put back"
      threshold      = 0
      period_seconds = 3600

      metrics = {
        holds = {
          namespace  = "Lakeside"
          name       = "HoldsForsaken"
          statistic  = "Sum"
          dimensions = { Function = "${local.platform.prefix}-sweep-reservations" }
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.stock_differs
  to   = module.alarms.aws_cloudwatch_metric_alarm.alarm["stock-differs"]
}
