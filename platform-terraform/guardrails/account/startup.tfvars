environment       = "startup"
regions           = ["eu-central-1"]
github_repository = "example/lakeside" # Yours.
audit = {
  bucket  = "lakeside-audit-444455556666-eu-central-1"                                       # Yours.
  key_arn = "arn:aws:kms:eu-central-1:444455556666:key/00000000-0000-0000-0000-000000000000" # Yours.
}
recording_frequency     = "DAILY"
artifact_retention_days = 30
budgets = {
  account = 300
  squads  = { orders = 60, inventory = 60, fulfilment = 60, growth = 60, platform = 60 }
  tell    = ["platform@example.com"] # Yours.
}
