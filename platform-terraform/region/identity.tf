# Customers. What the platform knows of them is the pool's `sub`, a reference.
resource "aws_cognito_user_pool" "customers" {
  name                = "${var.prefix}-customers"
  username_attributes = ["email"]
  deletion_protection = var.deletion_protection ? "ACTIVE" : "INACTIVE"

  # Whoever wants a second factor has one. Watching for stolen passwords is what Cognito charges for by customer and month
  # (its tier Plus), so it is left to the account.
  mfa_configuration        = "OPTIONAL"
  auto_verified_attributes = ["email"]

  software_token_mfa_configuration {
    enabled = true
  }

  # A customer who writes the address in capitals is the same customer.
  username_configuration {
    case_sensitive = false
  }

  # By mail alone: who has somebody's telephone number may have their phone.
  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  # Until the new address is proven, the old one counts.
  user_attribute_update_settings {
    attributes_require_verification_before_update = ["email"]
  }

  password_policy {
    minimum_length                   = 12
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = true
    require_uppercase                = true
    temporary_password_validity_days = 3
  }
}

resource "aws_cognito_user_pool_client" "shop" {
  name         = "${var.prefix}-shop"
  user_pool_id = aws_cognito_user_pool.customers.id

  explicit_auth_flows = concat(
    ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
    var.password_sign_in ? ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_PASSWORD_AUTH"] : [],
  )
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true
  access_token_validity         = 60
  id_token_validity             = 60
  refresh_token_validity        = 30

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }
}
