# For moto_server, which `cargo xtask guardrails` starts. It passes `security_account` and `workload_targets`, whose ids
# the emulator gives out.
environment              = "local"
allowed_regions          = ["us-east-1", "us-west-2"]
deletion_protection      = false
key_deletion_window_days = 7

# The emulator knows no organization-wide settings of GuardDuty and cannot take its delegation back; of Security Hub it
# knows neither settings nor standards; and it takes nobody for Config's administrator.
detection = { organization_wide = false, security_hub = false, config_everywhere = false }

# It knows cost categories and no cost allocation tags.
cost_allocation_tags = []
