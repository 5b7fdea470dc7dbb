# What both Regions of the drill have in the place of what local.tfvars says. Roots take what they have a variable for.
second_region            = { home = "us-east-1", standby = "us-west-2" }
analytics                = false # No order needs its buckets and catalogues, which the account has once for both Regions.
approval_timeout_seconds = 120   # Whoever approves is asked in one Region and answers in the other.
