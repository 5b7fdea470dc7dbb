environment            = "enterprise"
archive_retention_days = 30
log_retention_days     = 90
throttle               = { rate = 2000, burst = 5000 }
partner_plans          = { standard = { rate = 50, burst = 200, requests_per_day = 1000000 } }

# The standby is applied with the same file, elsewhere.
second_region = { home = "eu-central-1", standby = "eu-west-1" }
# The monolith is reached under a name of its own: put yours here.
edge = {
  legacy      = { domain_name = "legacy.example.com", catalogue_paths = ["/catalogue/*"] }
  rate_limits = { shop = 3000, partners = 20000 }
}
