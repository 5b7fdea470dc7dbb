output "platform" {
  description = "The contract with the squads, as published in SSM."
  value       = local.platform
}
