# Pipes: what cannot be delivered is tried for a while and then kept.
package lakeside.pipes

import data.lakeside.plan
import rego.v1

attributes := {"aws_pipes_pipe": {"source", "source_parameters"}}

reads := {"dead-letter-queue": attributes, "retries": attributes}

seen := plan.seen("pipes", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("pipes", reads)

# A queue that is a source keeps its own dead letters.
streaming(rule) := [pipe |
	some pipe in seen[rule].aws_pipes_pipe
	not contains(pipe.source, ":sqs:")
]

stream_settings(pipe) := [settings |
	some name, blocks in pipe.source_parameters[0]
	endswith(name, "_stream_parameters")
	some settings in blocks
]

findings contains plan.finding(pipe, "", sentence) if {
	some pipe in streaming("dead-letter-queue")
	not keeps_dead_letters(pipe)
	sentence := "what cannot be delivered is lost: give the stream's parameters a dead_letter_config with a queue"
}

keeps_dead_letters(pipe) if {
	some settings in stream_settings(pipe)
	settings.dead_letter_config[0].arn
}

findings contains plan.finding(pipe, "", sentence) if {
	some pipe in streaming("retries")
	not gives_up(pipe)
	sentence := "a bad record blocks its shard: set maximum_retry_attempts and maximum_record_age_in_seconds"
}

# -1 is for ever.
gives_up(pipe) if {
	some settings in stream_settings(pipe)
	is_number(settings.maximum_retry_attempts)
	settings.maximum_retry_attempts >= 0
	is_number(settings.maximum_record_age_in_seconds)
	settings.maximum_record_age_in_seconds > 0
}
