# Computed values of the right form, where the provider checks it.
mock_resource "aws_api_gateway_rest_api" {
  defaults = {
    execution_arn    = "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234"
    root_resource_id = "root"
  }
}

mock_resource "aws_api_gateway_stage" {
  defaults = {
    arn        = "arn:aws:apigateway:eu-central-1::/restapis/abcdef1234/stages/live"
    invoke_url = "https://abcdef1234.execute-api.eu-central-1.amazonaws.com/live"
  }
}

mock_resource "aws_cloudfront_distribution" {
  defaults = {
    arn = "arn:aws:cloudfront::111122223333:distribution/EDFDVBD632BHDS5"
  }
}

mock_resource "aws_cloudfront_function" {
  defaults = {
    arn = "arn:aws:cloudfront::111122223333:function/test-function"
  }
}

mock_resource "aws_cloudfront_key_value_store" {
  defaults = {
    arn = "arn:aws:cloudfront::111122223333:key-value-store/5a7b9c1d-0000-0000-0000-000000000000"
  }
}

mock_resource "aws_cloudwatch_event_bus" {
  defaults = {
    arn = "arn:aws:events:eu-central-1:111122223333:event-bus/test-bus"
  }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = {
    arn = "arn:aws:events:eu-central-1:111122223333:rule/test-orders/test-rule"
  }
}

mock_resource "aws_cloudwatch_log_delivery_destination" {
  defaults = {
    arn = "arn:aws:logs:us-east-1:111122223333:delivery-destination:test-destination"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-central-1:111122223333:log-group:test"
  }
}

mock_resource "aws_cognito_user_pool" {
  defaults = {
    arn      = "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_test"
    endpoint = "cognito-idp.eu-central-1.amazonaws.com/eu-central-1_test"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn        = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-table"
    stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-table/stream/2025-01-01T00:00:00.000"
  }
}

mock_resource "aws_iam_openid_connect_provider" {
  defaults = {
    arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }
}

mock_resource "aws_iam_policy" {
  defaults = {
    arn = "arn:aws:iam::111122223333:policy/test-policy"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::111122223333:role/test-role"
  }
}

mock_resource "aws_kinesis_firehose_delivery_stream" {
  defaults = {
    arn = "arn:aws:firehose:eu-central-1:111122223333:deliverystream/test-stream"
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-central-1:111122223333:key/test-key"
    key_id = "test-key"
  }
}

mock_resource "aws_lambda_alias" {
  defaults = {
    arn = "arn:aws:lambda:eu-central-1:111122223333:function:test-function:live"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn     = "arn:aws:lambda:eu-central-1:111122223333:function:test-function"
    version = "1"
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:test-secret-AbCdEf"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    arn = "arn:aws:s3:::test-bucket"
    id  = "test-bucket"
  }
}

mock_resource "aws_securityhub_configuration_policy" {
  defaults = {
    id = "11111111-2222-3333-4444-555555555555"
  }
}

mock_resource "aws_sfn_state_machine" {
  defaults = {
    arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:test-order-fulfilment"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-central-1:111122223333:test-topic"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:test-queue"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-queue"
  }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = {
    arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/test-acl/5a7b9c1d-0000-0000-0000-000000000000"
  }
}

mock_resource "aws_vpc_endpoint" {
  defaults = {
    prefix_list_id = "pl-12345678"
  }
}

mock_data "aws_availability_zones" {
  defaults = {
    names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  }
}

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "111122223333"
  }
}

mock_data "aws_organizations_organization" {
  defaults = {
    id                            = "o-testtest12"
    master_account_id             = "999900001111"
    aws_service_access_principals = ["cloudtrail.amazonaws.com"]
    roots = [{
      id           = "r-test"
      arn          = "arn:aws:organizations::999900001111:root/o-testtest12/r-test"
      name         = "Root"
      policy_types = [{ status = "ENABLED", type = "SERVICE_CONTROL_POLICY" }]
    }]
  }
}

mock_data "aws_region" {
  defaults = {
    name = "eu-central-1"
  }
}

# A mocked document has no JSON: tests look at its statements.
mock_data "aws_iam_policy_document" {
  defaults = {
    json = "{}"
  }
}
