# Tables: nothing in them is lost by a mistake, read without our key, or kept for longer than it is wanted.
package lakeside.tables

import data.lakeside.plan
import rego.v1

reads := {
	"recovery": {"aws_dynamodb_table": {"name", "point_in_time_recovery", "replica"}},
	"encryption": {"aws_dynamodb_table": {"name", "replica", "server_side_encryption"}},
	"expiry": {"aws_dynamodb_table": {"name", "ttl"}},
	"deletion-protection": {"aws_dynamodb_table": {"deletion_protection_enabled", "name"}},
}

seen := plan.seen("tables", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("tables", reads)

replicas(table) := [] if table.replica == null

replicas(table) := table.replica if table.replica != null

findings contains plan.finding(table, table.name, sentence) if {
	some table in seen.recovery.aws_dynamodb_table
	not is_recoverable(table)
	sentence := "a mistake in it cannot be undone: switch point_in_time_recovery on, in every replica too"
}

is_recoverable(table) if {
	table.point_in_time_recovery[0].enabled == true
	every replica in replicas(table) {
		replica.point_in_time_recovery == true
	}
}

findings contains plan.finding(table, table.name, sentence) if {
	some table in seen.encryption.aws_dynamodb_table
	not is_encrypted(table)
	sentence := "it is not encrypted with a key of ours: give it server_side_encryption with a kms_key_arn, every replica too"
}

is_encrypted(table) if {
	table.server_side_encryption[0].enabled == true
	plan.is_customer_key(table.server_side_encryption[0].kms_key_arn)
	every replica in replicas(table) {
		plan.is_customer_key(replica.kms_key_arn)
	}
}

# A squad's one table holds its records of what was done as well, and leases among them.
findings contains plan.finding(table, table.name, sentence) if {
	some table in seen.expiry.aws_dynamodb_table
	not table.ttl[0].enabled == true
	sentence := "leases and other records that end stay in it for ever: switch ttl on"
}

findings contains plan.finding(table, table.name, sentence) if {
	some table in seen["deletion-protection"].aws_dynamodb_table
	table.deletion_protection_enabled != true
	sentence := "one command can delete it: switch deletion_protection_enabled on"
}
