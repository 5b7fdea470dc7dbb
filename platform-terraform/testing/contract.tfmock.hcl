# The contract as platform-terraform/region publishes it, for an account that does not exist.
mock_data "aws_ssm_parameter" {
  defaults = {
    value = <<-JSON
      {
        "account_id": "111122223333",
        "region": "eu-central-1",
        "prefix": "lakeside",
        "buses": {
          "orders": { "name": "lakeside-orders", "arn": "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-orders" },
          "inventory": { "name": "lakeside-inventory", "arn": "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-inventory" },
          "fulfilment": { "name": "lakeside-fulfilment", "arn": "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-fulfilment" },
          "growth": { "name": "lakeside-growth", "arn": "arn:aws:events:eu-central-1:111122223333:event-bus/lakeside-growth" }
        },
        "keys": {
          "data": "arn:aws:kms:eu-central-1:111122223333:key/data",
          "messaging": "arn:aws:kms:eu-central-1:111122223333:key/messaging",
          "logs": "arn:aws:kms:eu-central-1:111122223333:key/logs",
          "secrets": "arn:aws:kms:eu-central-1:111122223333:key/secrets"
        },
        "directory": {
          "name": "lakeside-directory",
          "arn": "arn:aws:dynamodb:eu-central-1:111122223333:table/lakeside-directory",
          "key_arn": "arn:aws:kms:eu-central-1:111122223333:key/directory"
        },
        "api": {
          "id": "abcdef1234",
          "execution_arn": "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234",
          "url": "https://abcdef1234.execute-api.eu-central-1.amazonaws.com/live",
          "stage": "live"
        },
        "user_pool": { "id": "eu-central-1_test", "client_id": "client", "issuer": "https://example.com/pool" },
        "network": { "subnet_ids": ["subnet-a", "subnet-b"], "security_group_id": "sg-functions" },
        "alarm_topic_arn": "arn:aws:sns:eu-central-1:111122223333:lakeside-alarms",
        "ticket_topic_arn": "arn:aws:sns:eu-central-1:111122223333:lakeside-tickets",
        "repository_url": "https://example.com/lakeside/blob/main",
        "permissions_boundary_arn": "arn:aws:iam::111122223333:policy/squads"
      }
    JSON
  }
}
