environment       = "enterprise"
regions           = ["eu-central-1", "eu-west-1"]
github_repository = "example/lakeside" # Yours.
audit = {
  bucket  = "lakeside-audit-444455556666-eu-central-1"                                       # Yours.
  key_arn = "arn:aws:kms:eu-central-1:444455556666:key/00000000-0000-0000-0000-000000000000" # Yours.
}
budgets = {
  account = 3000
  squads  = { orders = 900, inventory = 700, fulfilment = 500, growth = 500, platform = 400 }
  tell    = ["platform@example.com"] # Yours.
}
