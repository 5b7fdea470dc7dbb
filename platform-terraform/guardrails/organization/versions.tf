terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # A local state by default; see platform-terraform/README.md for the state of a real account.
  backend "local" {}
}

# The management account. Nothing runs in it, because service control policies do not bind it.
provider "aws" {
  default_tags {
    tags = local.tags
  }
}

# The security account: it keeps the audit trail and watches all others.
provider "aws" {
  alias = "security"

  assume_role {
    role_arn     = "arn:aws:iam::${var.security_account.id}:role/${var.security_account.role}"
    session_name = "${var.prefix}-guardrails"
  }

  default_tags {
    tags = local.tags
  }
}

locals {
  tags = {
    "lakeside:squad"       = "platform"
    "lakeside:environment" = var.environment
  }
}
