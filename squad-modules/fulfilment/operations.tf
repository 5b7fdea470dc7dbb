# What of this squad operations may look at.
module "operations" {
  source = "../modules/operations"

  squad    = "fulfilment"
  platform = local.platform
  functions = merge(
    { for name, function in module.function : name => function.operations },
    { publish_outbox = module.outbox.function.operations },
  )
  queues = merge(
    { for name, consumer in module.subscription : name => consumer.operations },
    { fulfilment_publish_outbox = module.outbox.operations },
  )
  tables = {
    fulfilment = module.table.name
  }
  state_machine = {
    arn       = aws_sfn_state_machine.saga.arn
    log_group = aws_cloudwatch_log_group.saga.name
  }
}
