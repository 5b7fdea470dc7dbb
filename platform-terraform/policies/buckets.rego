# Buckets: closed to the public, encrypted with a key of ours, reached by TLS alone.
package lakeside.buckets

import data.lakeside.documents
import data.lakeside.plan
import rego.v1

reads := {
	"public-access": {
		"aws_s3_bucket": {"bucket"},
		"aws_s3_bucket_public_access_block": {
			"block_public_acls", "block_public_policy", "bucket", "ignore_public_acls", "restrict_public_buckets",
		},
	},
	"encryption": {
		"aws_s3_bucket": {"bucket"},
		"aws_s3_bucket_server_side_encryption_configuration": {"bucket", "rule"},
	},
	"tls": {"aws_s3_bucket": {"bucket"}, "aws_s3_bucket_policy": {"bucket", "policy"}},
}

seen := plan.seen("buckets", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("buckets", reads)

findings contains plan.finding(bucket, bucket.bucket, sentence) if {
	some bucket in seen["public-access"].aws_s3_bucket
	not is_closed(bucket)
	not plan.any_unknown("aws_s3_bucket_public_access_block", "bucket")
	sentence := "it may be opened to the public: give it a public access block with all four settings on"
}

is_closed(bucket) if {
	some block in seen["public-access"].aws_s3_bucket_public_access_block
	block.bucket == bucket.bucket
	block.block_public_acls
	block.block_public_policy
	block.ignore_public_acls
	block.restrict_public_buckets
}

findings contains plan.finding(bucket, bucket.bucket, sentence) if {
	some bucket in seen.encryption.aws_s3_bucket
	not is_encrypted(bucket)
	not plan.any_unknown("aws_s3_bucket_server_side_encryption_configuration", "bucket")
	sentence := "it is not encrypted with a key of ours: give it a server-side encryption of aws:kms with a key"
}

is_encrypted(bucket) if {
	some configuration in seen.encryption.aws_s3_bucket_server_side_encryption_configuration
	configuration.bucket == bucket.bucket
	default_encryption := configuration.rule[0].apply_server_side_encryption_by_default[0]
	default_encryption.sse_algorithm in {"aws:kms", "aws:kms:dsse"}
	plan.is_customer_key(default_encryption.kms_master_key_id)
}

findings contains plan.finding(bucket, bucket.bucket, sentence) if {
	some bucket in seen.tls.aws_s3_bucket
	not refuses_plain_http(bucket)
	not plan.any_unknown("aws_s3_bucket_policy", "bucket")
	not plan.any_unknown("aws_s3_bucket_policy", "policy")
	sentence := "it can be read without encryption on the way: deny everything where aws:SecureTransport is false"
}

refuses_plain_http(bucket) if {
	some policy in seen.tls.aws_s3_bucket_policy
	policy.bucket == bucket.bucket
	some statement in documents.statements(policy.policy)
	statement.Effect == "Deny"
	documents.is_everybody(statement)
	"s3:*" in documents.values(statement, "Action")
	documents.conditions(statement, "aws:SecureTransport").Bool == ["false"]
	every suffix in {"", "/*"} {
		sprintf("arn:aws:s3:::%s%s", [bucket.bucket, suffix]) in documents.values(statement, "Resource")
	}
}
