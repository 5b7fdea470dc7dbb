# What only the standby of the drill has in the place of what local.tfvars says.
edge = null # One Region of an installation has it, for CloudFront belongs to the account.
