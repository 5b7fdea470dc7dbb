# Event source mappings: one bad message fails alone, a backlog starves nobody, a stream is never stuck for good.
package lakeside.mappings

import data.lakeside.plan
import rego.v1

reads := {
	"partial-batch": {"aws_lambda_event_source_mapping": {"event_source_arn", "function_response_types"}},
	"maximum-concurrency": {"aws_lambda_event_source_mapping": {"event_source_arn", "scaling_config"}},
	"visibility-timeout": {
		"aws_lambda_event_source_mapping": {"event_source_arn", "function_name", "maximum_batching_window_in_seconds"},
		"aws_lambda_function": {"function_name", "timeout"},
		"aws_sqs_queue": {"name", "visibility_timeout_seconds"},
	},
	"stream-bisect": {"aws_lambda_event_source_mapping": {"event_source_arn", "bisect_batch_on_function_error"}},
	"stream-retries": {"aws_lambda_event_source_mapping": {
		"event_source_arn",
		"maximum_record_age_in_seconds",
		"maximum_retry_attempts",
	}},
	"stream-failure-destination": {"aws_lambda_event_source_mapping": {"destination_config", "event_source_arn"}},
	"stream-start": {"aws_lambda_event_source_mapping": {"event_source_arn", "starting_position"}},
}

seen := plan.seen("mappings", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("mappings", reads)

mappings(rule, service) := [mapping |
	some mapping in seen[rule].aws_lambda_event_source_mapping
	split(mapping.event_source_arn, ":")[2] in service
]

queue := {"sqs"}

stream := {"dynamodb", "kinesis"}

findings contains plan.finding(mapping, "", sentence) if {
	some mapping in mappings("partial-batch", queue | stream)
	not "ReportBatchItemFailures" in mapping.function_response_types
	sentence := "one bad message makes its whole batch fail: set function_response_types to ReportBatchItemFailures"
}

findings contains plan.finding(mapping, "", sentence) if {
	some mapping in mappings("maximum-concurrency", queue)
	not mapping.scaling_config[0].maximum_concurrency >= 2
	sentence := "a backlog may take all of the account's concurrency: set maximum_concurrency in scaling_config"
}

findings contains plan.finding(mapping, "", sentence) if {
	some mapping in mappings("visibility-timeout", queue)
	not hides_long_enough(mapping)
	sentence := concat("", [
		"a message may be handled twice at a time: queue and function must be in the same root, ",
		"and the queue hide messages for six times the function's timeout, plus the batching window",
	])
}

hides_long_enough(mapping) if {
	some source in seen["visibility-timeout"].aws_sqs_queue
	source.name == regex.replace(mapping.event_source_arn, `^.*:`, "")
	some function in seen["visibility-timeout"].aws_lambda_function
	function.function_name == function_name(mapping.function_name)
	source.visibility_timeout_seconds >= (6 * function.timeout) + window(mapping)
}

# A mapping names its function by name or ARN, with the alias or without.
function_name(text) := split(text, ":")[6] if startswith(text, "arn:")

function_name(text) := split(text, ":")[0] if not startswith(text, "arn:")

window(mapping) := 0 if mapping.maximum_batching_window_in_seconds == null

window(mapping) := mapping.maximum_batching_window_in_seconds if mapping.maximum_batching_window_in_seconds != null

findings contains plan.finding(mapping, "", sentence) if {
	some mapping in mappings("stream-bisect", stream)
	mapping.bisect_batch_on_function_error != true
	sentence := "one bad record takes its whole batch with it: set bisect_batch_on_function_error"
}

# -1 is for ever, and so is what is not said: null is less than any number.
findings contains plan.finding(mapping, "", sentence) if {
	some mapping in mappings("stream-retries", stream)
	some limit in {mapping.maximum_retry_attempts, mapping.maximum_record_age_in_seconds}
	not limit >= 0
	sentence := "a bad record blocks its shard: set maximum_retry_attempts and maximum_record_age_in_seconds"
}

findings contains plan.finding(mapping, "", sentence) if {
	some mapping in mappings("stream-failure-destination", stream)
	not mapping.destination_config[0].on_failure[0].destination_arn
	sentence := "records that are given up are lost: give it a destination_config with on_failure"
}

findings contains plan.finding(mapping, "", sentence) if {
	some mapping in mappings("stream-start", stream)
	mapping.starting_position != "TRIM_HORIZON"
	sentence := "what is written while the mapping is made is never read: set starting_position to TRIM_HORIZON"
}
