# What reads the table's stream beside the outbox. Levels are gathered for a moment: the last one is the one that counts.
locals {
  # Writes of pools and nodes alone. Whether they change a number shows in the images.
  writes_of_stock = [jsonencode({
    eventName = ["INSERT", "MODIFY"]
    dynamodb  = { Keys = { pk = { S = [{ prefix = "SKU#" }] } } }
  })]
}

module "levels" {
  source = "../modules/stream"

  platform              = local.platform
  function              = module.function["publish_levels"]
  stream_arn            = module.table.stream_arn
  filters               = local.writes_of_stock
  oldest_record_seconds = 60
  runbook               = "levels-stuck"

  batching_window_seconds = var.level_window_seconds
}
