# Policies of queues and topics: whoever may send through them is one service on behalf of resources that are named.
package lakeside.queue_policies

import data.lakeside.documents
import data.lakeside.plan
import rego.v1

attributes := {
	"aws_sqs_queue": {"policy"},
	"aws_sqs_queue_policy": {"policy"},
	"aws_sns_topic": {"policy"},
	"aws_sns_topic_policy": {"policy"},
}

# A topic without a policy of ours gets one from AWS, for its owner alone.
reads := {"source-arn": attributes}

seen := plan.seen("queue_policies", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("queue_policies", reads)

findings contains plan.finding(resource, sid, sentence) if {
	some resources in seen["source-arn"]
	some resource in resources
	some statement in documents.allowing(resource.policy)
	not is_owners_default(statement)
	not documents.bound_to_sources(statement)
	sid := object.get(statement, "Sid", "")
	sentence := sprintf(
		"the statement `%s` opens it to more than one source: bind it by ArnEquals on aws:SourceArn, without wildcards",
		[sid],
	)
}

# What AWS gives a new topic: everybody, but of the owner's account alone.
is_owners_default(statement) if {
	statement.Sid == "__default_statement_ID"
	owners := documents.conditions(statement, "AWS:SourceOwner").StringEquals
	count(owners) > 0
}
