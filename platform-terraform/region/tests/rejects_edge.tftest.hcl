mock_provider "aws" {
  source = "../testing"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

variables {
  environment = "test"
}

run "rejects_a_monolith_that_is_an_url" {
  command = plan

  variables {
    edge = { legacy = { domain_name = "https://legacy.example.com/" } }
  }

  expect_failures = [var.edge]
}

run "rejects_an_alias_with_a_port" {
  command = plan

  variables {
    edge = { domain = { aliases = ["shop.example.com:443"], certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1" } }
  }

  expect_failures = [var.edge]
}

run "rejects_a_catalogue_of_everything" {
  command = plan

  variables {
    edge = { legacy = { domain_name = "legacy.example.com", catalogue_paths = ["*"] } }
  }

  expect_failures = [var.edge]
}

run "rejects_a_catalogue_that_is_the_root" {
  command = plan

  variables {
    edge = { legacy = { domain_name = "legacy.example.com", catalogue_paths = ["/"] } }
  }

  expect_failures = [var.edge]
}

run "rejects_a_certificate_where_cloudfront_does_not_look" {
  command = plan

  variables {
    edge = { domain = { aliases = ["shop.example.com"], certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1" } }
  }

  expect_failures = [var.edge]
}

run "rejects_a_certificate_for_no_name" {
  command = plan

  variables {
    edge = { domain = { aliases = [], certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1" } }
  }

  expect_failures = [var.edge]
}

run "rejects_a_price_class_that_cloudfront_does_not_know" {
  command = plan

  variables {
    edge = { price_class = "PriceClass_300" }
  }

  expect_failures = [var.edge]
}

run "rejects_a_rate_that_the_firewall_cannot_count" {
  command = plan

  variables {
    edge = { rate_limits = { shop = 9 } }
  }

  expect_failures = [var.edge]
}

run "rejects_a_rate_below_what_a_plan_lets_through" {
  command = plan

  variables {
    edge          = { rate_limits = { partners = 2999 } }
    partner_plans = { standard = { rate = 10, burst = 50, requests_per_day = 100000 } }
  }

  expect_failures = [var.edge]
}

run "rejects_a_rule_group_that_aws_does_not_keep" {
  command = plan

  variables {
    edge = { rule_groups = { MyRules = [] } }
  }

  expect_failures = [var.edge]
}

run "rejects_three_tokens_at_a_time" {
  command = plan

  variables {
    edge_token_digests = [for byte in ["41", "42", "43"] : join("", [for position in range(16) : byte])]
  }

  expect_failures = [var.edge_token_digests]
}

run "rejects_a_token_that_takes_its_own_place" {
  command = plan

  variables {
    edge_token_digests = [for byte in ["41", "41"] : join("", [for position in range(16) : byte])]
  }

  expect_failures = [var.edge_token_digests]
}

run "rejects_a_token_in_the_place_of_its_digest" {
  command = plan

  variables {
    edge_token_digests = ["TMItuWLuB5_lkGUHB5j8f2Yf6K9qtM2_13I00005929"]
  }

  expect_failures = [var.edge_token_digests]
}

run "rejects_the_digest_of_a_word" {
  command = plan

  variables {
    edge_token_digests = ["5ebe2294ecd0e0f08eab7690d2a6ee69"]
  }

  expect_failures = [var.edge_token_digests]
}

run "rejects_half_a_digest" {
  command = plan

  variables {
    edge_token_digests = ["4141414141414141"]
  }

  expect_failures = [var.edge_token_digests]
}
