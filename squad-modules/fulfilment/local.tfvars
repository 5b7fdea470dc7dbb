environment              = "local"
architecture             = "x86_64"
outbox_transport         = "stream"
log_retention_days       = 1
tracing                  = false
deletion_protection      = false
maximum_concurrency      = 2
function_role_auditors   = ["arn:aws:iam::000000000000:root"]
approval_timeout_seconds = 60

# A payment whose outcome is open is asked for again within a minute: six times this later.
function_timeout_seconds = { capture_payment = 10, refund_payment = 10 }

# The emulator's rotation calls no function: it makes the old value current under a new version.
processor_key_rotation_days = 0
secret_recovery_window_days = 0
