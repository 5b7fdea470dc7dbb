# Queues: what is given up is kept, for longer than the queue itself would have.
package lakeside.queues

import data.lakeside.plan
import rego.v1

minimum_receive_count := 5

reads := {
	"dead-letter-queue": {"aws_sqs_queue": {"name", "redrive_policy"}},
	"dead-letter-retention": {"aws_sqs_queue": {"name", "redrive_policy", "message_retention_seconds"}},
	"receive-count": {"aws_sqs_queue": {"name", "redrive_policy"}},
	"encryption": {"aws_sqs_queue": {"name", "kms_master_key_id"}},
}

seen := plan.seen("queues", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("queues", reads)

# By name, because that is what people and the runbooks tell them by.
is_dead_letter_queue(queue) if regex.match(`-dlq(\.fifo)?$`, queue.name)

redrive(queue) := json.unmarshal(queue.redrive_policy) if not queue.redrive_policy in {null, ""}

dead_letter_queue_name(queue) := regex.replace(redrive(queue).deadLetterTargetArn, `^.*:`, "")

findings contains plan.finding(queue, queue.name, sentence) if {
	some queue in seen["dead-letter-queue"].aws_sqs_queue
	not is_dead_letter_queue(queue)
	not redrive(queue).deadLetterTargetArn
	sentence := "messages that cannot be handled are lost: give it a redrive policy with a dead-letter queue"
}

findings contains plan.finding(queue, queue.name, sentence) if {
	some queue in seen["dead-letter-retention"].aws_sqs_queue
	name := dead_letter_queue_name(queue)
	not outlasts(queue, name)
	sentence := sprintf(
		"its dead-letter queue `%s` must be in the same root and keep messages for longer than its own %v seconds",
		[name, queue.message_retention_seconds],
	)
}

# A message keeps its age when it becomes a dead letter.
outlasts(queue, name) if {
	some other in seen["dead-letter-retention"].aws_sqs_queue
	other.name == name
	other.message_retention_seconds > queue.message_retention_seconds
}

findings contains plan.finding(queue, queue.name, sentence) if {
	some queue in seen["receive-count"].aws_sqs_queue
	deliveries := to_number(redrive(queue).maxReceiveCount)
	deliveries < minimum_receive_count
	sentence := sprintf(
		"it gives a message up after %v deliveries: a moment's trouble needs at least %v",
		[deliveries, minimum_receive_count],
	)
}

findings contains plan.finding(queue, queue.name, sentence) if {
	some queue in seen.encryption.aws_sqs_queue
	not plan.is_customer_key(queue.kms_master_key_id)
	sentence := "it is not encrypted with a key of ours: set kms_master_key_id to the platform's key for messages"
}
