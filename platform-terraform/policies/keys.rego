# Keys: changed every year, and used by services on behalf of this account alone.
package lakeside.keys

import data.lakeside.documents
import data.lakeside.plan
import rego.v1

reads := {
	"rotation": {"aws_kms_key": {"customer_master_key_spec", "description", "enable_key_rotation"}},
	"policy": {"aws_kms_key": {"description", "policy"}},
}

seen := plan.seen("keys", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("keys", reads)

# KMS changes no other kind by itself.
is_symmetric(key) if key.customer_master_key_spec in {null, "", "SYMMETRIC_DEFAULT"}

findings contains plan.finding(key, key.description, sentence) if {
	some key in seen.rotation.aws_kms_key
	is_symmetric(key)
	key.enable_key_rotation != true
	sentence := "it stays the same for ever: switch enable_key_rotation on"
}

findings contains plan.finding(key, sid, sentence) if {
	some key in seen.policy.aws_kms_key
	some statement in documents.allowing(key.policy)
	is_open(statement)
	sid := object.get(statement, "Sid", "")
	sentence := sprintf("the statement `%s` lets other accounts use it: add a condition on the source's account or ARN", [sid])
}

is_open(statement) if documents.is_everybody(statement)

# A service acts for every account unless it is told for which.
is_open(statement) if {
	count(documents.principals(statement, "Service")) > 0
	not statement.Condition
}
