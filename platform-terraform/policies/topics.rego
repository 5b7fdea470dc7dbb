# Topics: encrypted with a key of ours. Who may publish is in queue_policies.rego.
package lakeside.topics

import data.lakeside.plan
import rego.v1

reads := {"encryption": {"aws_sns_topic": {"kms_master_key_id", "name"}}}

seen := plan.seen("topics", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("topics", reads)

findings contains plan.finding(topic, topic.name, sentence) if {
	some topic in seen.encryption.aws_sns_topic
	not plan.is_customer_key(topic.kms_master_key_id)
	sentence := "it is not encrypted with a key of ours: set kms_master_key_id to the platform's key for messages"
}
