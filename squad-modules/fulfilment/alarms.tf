# A saga that was parked gave up on purpose and says so; one that fails without that ended where no catcher sees it. A person
# must look at either, and not with the same eyes.
locals {
  saga_alarms = {
    ExecutionsAborted = {
      severity    = "page"
      description = "Sagas were stopped from outside, and left stock or money behind."
      objective   = "every saga completes, or undoes what it did"
      runbook     = "saga-failed"
    }
    ExecutionsFailed = {
      severity    = "page"
      description = "Sagas failed where nothing undoes them, or gave up without a word."
      objective   = "every saga completes, or undoes what it did"
      runbook     = "saga-failed"
      # The minute in which it says that it gives up is the one in which it fails. Where it is not, or where nobody heard it,
      # this rings as well: no failure is unheard.
      expression = "executions - FILL(parked, 0)"
      beside = {
        parked = {
          namespace  = "Lakeside"
          name       = "SagasParked"
          statistic  = "Sum"
          dimensions = { Function = "${local.platform.prefix}-advance-order" }
        }
      }
    }
    ExecutionsTimedOut = {
      severity    = "page"
      description = "Sagas did not end in time, and left stock or money behind."
      objective   = "every saga completes, or undoes what it did"
      runbook     = "saga-failed"
    }
    ExecutionThrottled = {
      severity    = "ticket"
      description = "Step Functions slows sagas down."
      objective   = "no step of a saga waits for Step Functions"
      runbook     = "throttled"
    }
  }

  # What a step may take is for the queue of its function; the whole is what a customer sees.
  business_alarms = {
    sagas-parked = {
      severity    = "page"
      description = "Sagas gave up, and still owe stock, money or a word."
      objective   = "every saga completes, or undoes what it did"
      runbook     = "saga-parked"
      graph       = "Sagas that did not end well"
      threshold   = 0
      # A saga that is heard of late counts in the minute in which it gave up.
      period_seconds    = 60
      periods           = 10
      breaching_periods = 1
      function          = "advance-order"
      name              = "SagasParked"
      statistic         = "Sum"
    }
    slow-fulfilment = {
      severity          = "ticket"
      description       = "Orders take long from being accepted to being fulfilled."
      objective         = "9 of 10 orders are fulfilled within ${var.fulfilment_seconds} s"
      runbook           = "consumer-behind"
      graph             = "From accepted to fulfilled in ms"
      threshold         = 1000 * var.fulfilment_seconds
      period_seconds    = 300
      periods           = 3
      breaching_periods = 2
      function          = "advance-order"
      name              = "FulfilmentTime"
      statistic         = "p90"
    }
    slow-payments = {
      severity          = "page"
      description       = "The payment processor answers slowly."
      objective         = "9 of 10 payments are answered within 5 s"
      runbook           = "payment-processor-down"
      graph             = "Answers of the payment processor in ms"
      threshold         = 5000
      period_seconds    = 60
      periods           = 5
      breaching_periods = 3
      function          = "capture-payment"
      name              = "PaymentLatency"
      statistic         = "p90"
    }
  }
}

module "saga_alarms" {
  source = "../../platform-terraform/modules/alarms"

  platform = local.platform
  subject  = "order-fulfilment"

  alarms = {
    for name, alarm in local.saga_alarms : name => merge(alarm, {
      graph     = "Sagas that did not end well"
      threshold = 0
      metrics = merge(
        {
          executions = {
            namespace  = "AWS/States"
            name       = name
            statistic  = "Sum"
            dimensions = { StateMachineArn = aws_sfn_state_machine.saga.arn }
          }
        },
        try(alarm.beside, {}),
      )
    })
  }
}

module "business_alarms" {
  source = "../../platform-terraform/modules/alarms"

  platform = local.platform

  alarms = {
    for key, alarm in local.business_alarms : key => merge(alarm, {
      metrics = {
        time = {
          namespace  = "Lakeside"
          name       = alarm.name
          statistic  = alarm.statistic
          dimensions = { Function = "${local.platform.prefix}-${alarm.function}" }
        }
      }
    })
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.saga
  to   = module.saga_alarms.aws_cloudwatch_metric_alarm.alarm
}
