# CodeDeploy, which shifts an alias in steps and takes it back when the alarm rings.
resource "aws_codedeploy_app" "squad" {
  count = var.settings.canary == null ? 0 : 1

  name             = local.name
  compute_platform = "Lambda"
}

resource "aws_codedeploy_deployment_config" "squad" {
  count = var.settings.canary == null ? 0 : 1

  deployment_config_name = local.name
  compute_platform       = "Lambda"

  traffic_routing_config {
    type = var.settings.canary.type == "linear" ? "TimeBasedLinear" : "TimeBasedCanary"

    dynamic "time_based_linear" {
      for_each = var.settings.canary.type == "linear" ? [var.settings.canary] : []

      content {
        percentage = time_based_linear.value.percent
        interval   = time_based_linear.value.interval_minutes
      }
    }

    dynamic "time_based_canary" {
      for_each = var.settings.canary.type == "canary" ? [var.settings.canary] : []

      content {
        percentage = time_based_canary.value.percent
        interval   = time_based_canary.value.interval_minutes
      }
    }
  }
}

# Called like its function, so that whoever knows the one knows the other.
resource "aws_codedeploy_deployment_group" "function" {
  for_each = local.shifted

  app_name               = aws_codedeploy_app.squad[0].name
  deployment_group_name  = each.value.function
  deployment_config_name = aws_codedeploy_deployment_config.squad[0].deployment_config_name
  service_role_arn       = aws_iam_role.code_deploy[0].arn

  deployment_style {
    deployment_type   = "BLUE_GREEN"
    deployment_option = "WITH_TRAFFIC_CONTROL"
  }

  auto_rollback_configuration {
    enabled = true
    events  = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
  }

  alarm_configuration {
    enabled = true
    alarms  = [local.alarm_names[each.key]]
  }

  depends_on = [aws_iam_role_policy.code_deploy]
}
