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

provider "aws" {
  default_tags {
    tags = {
      "lakeside:squad"       = "platform"
      "lakeside:environment" = var.environment
    }
  }
}
