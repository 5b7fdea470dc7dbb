# For moto_server, which `cargo xtask guardrails` starts. It passes `audit`, which guardrails/organization makes there.
environment              = "local"
regions                  = ["us-east-1", "us-west-2"]
github_repository        = "example/lakeside"
deletion_protection      = false
key_deletion_window_days = 7
budgets = {
  account = 10
  squads  = { orders = 1, inventory = 1, fulfilment = 1, growth = 1 }
  tell    = ["platform@example.com"]
}

# The emulator takes no rules in the language of Guard and does not know who is told of a budget; and S3's settings of an
# account are asked for at a host named after the account, which this machine does not have.
in_force = { guard_rules = false, budgets = false, public_access_block = false }
