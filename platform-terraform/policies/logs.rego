# Logs: encrypted with a key of ours, and not kept for ever.
package lakeside.logs

import data.lakeside.plan
import rego.v1

reads := {
	"encryption": {"aws_cloudwatch_log_group": {"kms_key_id", "name"}},
	"retention": {"aws_cloudwatch_log_group": {"name", "retention_in_days"}},
}

seen := plan.seen("logs", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("logs", reads)

findings contains plan.finding(group, group.name, sentence) if {
	some group in seen.encryption.aws_cloudwatch_log_group
	not plan.is_customer_key(group.kms_key_id)
	sentence := "it is not encrypted with a key of ours: set kms_key_id to the platform's key for logs"
}

# Null and zero are for ever.
findings contains plan.finding(group, group.name, sentence) if {
	some group in seen.retention.aws_cloudwatch_log_group
	not is_finite(group.retention_in_days)
	sentence := "what is logged is kept for ever: set retention_in_days"
}

is_finite(days) if {
	is_number(days)
	days > 0
}
