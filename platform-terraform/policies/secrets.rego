# Secrets: encrypted with a key of ours, and changed by a clock.
package lakeside.secrets

import data.lakeside.plan
import rego.v1

reads := {
	"encryption": {"aws_secretsmanager_secret": {"kms_key_id", "name"}},
	"rotation": {
		"aws_secretsmanager_secret": {"arn", "name"},
		"aws_secretsmanager_secret_rotation": {"rotation_rules", "secret_id"},
	},
}

seen := plan.seen("secrets", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("secrets", reads)

findings contains plan.finding(secret, secret.name, sentence) if {
	some secret in seen.encryption.aws_secretsmanager_secret
	not plan.is_customer_key(secret.kms_key_id)
	sentence := "it is not encrypted with a key of ours: set kms_key_id to the platform's key for data"
}

findings contains plan.finding(secret, secret.name, sentence) if {
	some secret in seen.rotation.aws_secretsmanager_secret
	not is_rotated(secret)
	not plan.any_unknown("aws_secretsmanager_secret_rotation", "secret_id")
	sentence := "it stays the same for ever: give it a rotation, or an exception that says who changes it"
}

is_rotated(secret) if {
	some rotation in seen.rotation.aws_secretsmanager_secret_rotation
	rotation.secret_id in {secret.arn, secret.name}
	count(rotation.rotation_rules) > 0
}
