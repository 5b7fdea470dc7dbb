output "platform" {
  description = "The platform: account, region, prefix, buses, keys, directory, door, network, alarm topic, permissions boundary, Regions."
  value = {
    account_id               = local.contract.account_id
    region                   = local.contract.region
    prefix                   = local.contract.prefix
    buses                    = local.contract.buses
    keys                     = merge({ secrets = null }, local.contract.keys)
    directory                = local.contract.directory
    api_execution_arn        = local.contract.api.execution_arn
    network                  = try(local.contract.network, null)
    alarm_topic_arn          = local.contract.alarm_topic_arn
    ticket_topic_arn         = try(local.contract.ticket_topic_arn, local.contract.alarm_topic_arn)
    repository_url           = try(local.contract.repository_url, null)
    permissions_boundary_arn = local.contract.permissions_boundary_arn
    regions = {
      role_suffix = try(local.regions.role_suffix, "")
      home        = try(local.regions.home, null)
      owns_tables = try(local.regions.owns_tables, true)
      processing  = alltrue([for role in data.aws_ssm_parameter.role : nonsensitive(role.value) == "active"])
    }
  }
}
