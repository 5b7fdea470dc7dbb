# How new code of a squad's functions becomes live: what a deployment has to know, and who shifts the aliases.
locals {
  name = "${var.platform.prefix}-${var.squad}"

  # Only where versions are shifted step by step.
  shifted = var.settings.canary == null ? {} : var.functions
}

# Read by `lakeside-deploy`, which knows no names of its own.
resource "aws_ssm_parameter" "deployment" {
  name        = "/${var.platform.prefix}/deployments/${var.squad}/v1"
  description = "How the functions of ${var.squad} are deployed."
  type        = "String"
  value = jsonencode({
    application = var.settings.canary == null ? null : aws_codedeploy_app.squad[0].name
    functions = {
      for key, function in var.functions : replace(key, "_", "-") => {
        function = function.function
        alias    = function.alias
        binary   = function.binary
        alarm    = contains(keys(local.shifted), key) ? local.alarm_names[key] : function.alarm
      }
    }
  })
}
