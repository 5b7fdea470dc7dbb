environment              = "local"
password_sign_in         = true
deletion_protection      = false
tracing                  = false
archive_retention_days   = 1
log_retention_days       = 1
key_deletion_window_days = 7
