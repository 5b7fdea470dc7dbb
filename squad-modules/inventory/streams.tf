# What reads the table's stream beside the outbox. Levels are gathered for a moment: the last one is the one that counts.
module "levels" {
  source = "../modules/stream"

  platform   = local.platform
  function   = module.function["publish_levels"]
  stream_arn = module.table.stream_arn

  # Writes of pools and nodes alone. Whether they change a number shows in the images.
  filters = [jsonencode({
    eventName = ["INSERT", "MODIFY"]
    dynamodb  = { Keys = { pk = { S = [{ prefix = "SKU#" }] } } }
  })]

  batching_window_seconds = var.level_window_seconds
}
