environment            = "local"
architecture           = "x86_64"
log_retention_days     = 1
tracing                = false
deletion_protection    = false
maximum_concurrency    = 2
function_role_auditors = ["arn:aws:iam::000000000000:root"]
