# What of this squad operations may look at.
module "operations" {
  source = "../modules/operations"

  squad    = "growth"
  platform = local.platform
  functions = merge(
    { for name, function in module.function : name => function.operations },
    { publish_outbox = module.outbox.function.operations },
  )
  queues = merge(
    { for name, consumer in module.subscription : name => consumer.operations },
    { for name, consumer in module.marketplace : "publish_stock_${name}" => consumer.operations },
    {
      growth_publish_outbox = module.outbox.operations
      low_stock             = { holds = "events", dead_letter_url = aws_sqs_queue.low_stock_dlq.url }
    },
    { for name, queue in aws_sqs_queue.analytics_dlq : "analytics" => { holds = "events", dead_letter_url = queue.url } },
  )
  tables = {
    growth = module.table.name
  }
}
