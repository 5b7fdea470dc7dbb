# Reads a profile, so that tests plan with the very file that an account is applied with.
terraform {
  required_version = ">= 1.9"

  required_providers {
    terraform = {
      source = "terraform.io/builtin/terraform"
    }
  }
}

variable "file" {
  description = "The profile's file, relative to the root under test."
  type        = string
  nullable    = false
}

output "settings" {
  description = "What the profile sets, by variable."
  value       = provider::terraform::decode_tfvars(file(var.file))
}
