terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # A local state by default; see README.md for the state of a real account.
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

# CloudFront, its firewall and its certificates are kept there, whatever Region this is.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = {
      "lakeside:squad"       = "platform"
      "lakeside:environment" = var.environment
    }
  }
}
