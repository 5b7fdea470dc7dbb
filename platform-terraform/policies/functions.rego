# Functions: built for arm64, with a key of ours on their settings, called by those alone who are named.
package lakeside.functions

import data.lakeside.documents
import data.lakeside.plan
import rego.v1

reads := {
	"arm64": {"aws_lambda_function": {"architectures", "function_name"}},
	"encryption": {"aws_lambda_function": {"environment", "function_name", "kms_key_arn"}},
	"permission": {"aws_lambda_permission": {"principal", "source_account", "source_arn"}},
}

seen := plan.seen("functions", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("functions", reads)

findings contains plan.finding(function, function.function_name, sentence) if {
	some function in seen.arm64.aws_lambda_function
	function.architectures != ["arm64"]
	sentence := "it costs a fifth more than it need: build it for arm64 and set architectures to that alone"
}

findings contains plan.finding(function, function.function_name, sentence) if {
	some function in seen.encryption.aws_lambda_function
	count(function.environment) > 0
	not plan.is_customer_key(function.kms_key_arn)
	sentence := "its settings are not encrypted with a key of ours: set kms_key_arn to the platform's key for data"
}

findings contains plan.finding(permission, permission.principal, sentence) if {
	some permission in seen.permission.aws_lambda_permission
	not names_caller(permission)
	sentence := "others than the one caller may invoke it: set source_arn with account and resource, or source_account"
}

# A principal that is a service acts for every account unless it is told for which.
names_caller(permission) if {
	permission.principal != "*"
	is_string(permission.source_arn)
	parts := split(permission.source_arn, ":")
	every part in array.slice(parts, 0, 5) {
		not documents.has_wildcard(part)
	}
	not regex.match(`^[*?]`, parts[5])
}

names_caller(permission) if {
	permission.principal != "*"
	is_string(permission.source_account)
	regex.match(`^[0-9]{12}$`, permission.source_account)
}
