environment              = "local"
password_sign_in         = true
deletion_protection      = false
tracing                  = false
archive_retention_days   = 1
log_retention_days       = 1
key_deletion_window_days = 7
schema_registry          = false # The emulator has none.
deny_other_accounts      = false # The emulator reads no policy, and notes down that everybody is let in.

# Partners of the tests, one of each kind; and two whose plans are soon used up.
partners = {
  demo-market   = "standard"
  demo-store    = "standard"
  demo-hasty    = "trickle"
  demo-rationed = "ration"
}
partner_plans = {
  standard = { rate = 50, burst = 100, requests_per_day = 100000 }
  trickle  = { rate = 1, burst = 2, requests_per_day = 100000 }
  ration   = { rate = 50, burst = 100, requests_per_day = 3 }
}

# The edge is applied, and carries nothing: the emulator neither looks at its firewalls, nor runs functions with a key value
# store, nor reaches an API through CloudFront. So the tests call the door under its own address, and its digest is of no
# token that anybody has. It cannot say where a firewall logs.
edge = {
  legacy = { domain_name = "legacy.example.com", catalogue_paths = ["/catalogue/*"] }
}
edge_token_digests = ["6e6f2d746f6b656e2d61742d616c6c21"]
firewall_logs      = false
