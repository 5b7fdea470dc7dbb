# The saga. Its definition is one file; what differs between accounts is filled in here.
data "aws_ssm_parameter" "inventory" {
  name = "/${var.prefix}/inventory/v1"
}

locals {
  inventory          = jsondecode(nonsensitive(data.aws_ssm_parameter.inventory.value))
  state_machine_name = "${var.prefix}-order-fulfilment"
  state_machine_arn  = "arn:aws:states:${local.platform.region}:${local.platform.account_id}:stateMachine:${local.state_machine_name}"

  definition = jsondecode(templatefile("${path.module}/../../asl/order-fulfilment.asl.json", {
    reserve_stock_queue_url    = local.inventory.reserve_stock.queue_url
    allocate_function_arn      = local.inventory.functions.allocate
    release_stock_function_arn = local.inventory.functions.release_stock
    capture_payment_queue_url  = module.subscription["capture_payment"].queue.url
    refund_payment_queue_url   = module.subscription["refund_payment"].queue.url
    create_label_function_arn  = module.function["create_label"].alias_arn
    void_label_function_arn    = module.function["void_label"].alias_arn
    fulfilment_table_name      = module.table.name
    fulfilment_bus_name        = local.platform.buses["fulfilment"].name
  }))

  # The only waits that a profile may change: a person's. Nobody sends heartbeats, so the heartbeat is what ends it.
  approval = merge(local.definition.States.RequestApproval, {
    TimeoutSeconds   = var.approval_timeout_seconds
    HeartbeatSeconds = var.approval_timeout_seconds - 1
  })
}

resource "aws_cloudwatch_log_group" "saga" {
  name              = "/aws/vendedlogs/states/${local.state_machine_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.platform.keys.logs
}

resource "aws_sfn_state_machine" "saga" {
  name       = local.state_machine_name
  role_arn   = aws_iam_role.saga.arn
  type       = "STANDARD"
  definition = jsonencode(merge(local.definition, { States = merge(local.definition.States, { RequestApproval = local.approval }) }))

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.saga.arn}:*"
  }

  tracing_configuration {
    enabled = var.tracing
  }

  depends_on = [aws_iam_role_policy.saga]

  lifecycle {
    precondition {
      condition     = local.inventory.reservation_hold_seconds > var.approval_timeout_seconds + 3600
      error_message = "Inventory must hold stock for longer than an approval and the payment after it may take."
    }
  }
}
