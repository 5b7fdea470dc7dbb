# How messages reach people: mail from one domain, and SMS.

# Proving to SES that the domain is ours, by its DNS records, happens outside of here; see the README.
resource "aws_sesv2_email_identity" "sender" {
  email_identity = split("@", var.sender_address)[1]
}

data "aws_iam_policy_document" "send_messages" {
  # Bound by the sender and not by the identity, because the local cloud does not tell which identity a mail is from. SES
  # always names the sender; the local cloud never does, hence IfExists.
  statement {
    sid       = "SendMailFromTheSender"
    actions   = ["ses:SendEmail"]
    resources = ["*"]

    condition {
      test     = "StringEqualsIfExists"
      variable = "ses:FromAddress"
      values   = [var.sender_address]
    }
  }

  # A phone number is no resource of AWS: all that can be said is that it is no topic.
  statement {
    sid           = "SendMessagesToPhones"
    actions       = ["sns:Publish"]
    not_resources = ["arn:aws:sns:*:*:*"]
  }
}

resource "aws_iam_role_policy" "send_messages" {
  name   = "send-messages"
  role   = module.function["notify_customer"].role.name
  policy = data.aws_iam_policy_document.send_messages.json
}
