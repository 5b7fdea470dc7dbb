# Targets of rules and schedules: what cannot be delivered is tried for a while and then kept.
package lakeside.targets

import data.lakeside.plan
import rego.v1

# What EventBridge itself allows at most.
most := {"attempts": 185, "age_seconds": 86400}

attributes := {
	"aws_cloudwatch_event_target": {"dead_letter_config", "retry_policy"},
	"aws_scheduler_schedule": {"target"},
}

reads := {"dead-letter-queue": attributes, "retry-policy": attributes}

seen := plan.seen("targets", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("targets", reads)

# Targets of both kinds, in one shape.
targets(rule) := array.concat(
	[object.union(target, {"settings": target}) | some target in seen[rule].aws_cloudwatch_event_target],
	[object.union(schedule, {"settings": settings}) |
		some schedule in seen[rule].aws_scheduler_schedule
		some settings in schedule.target
	],
)

findings contains plan.finding(target, "", sentence) if {
	some target in targets("dead-letter-queue")
	not has_dead_letter_queue(target.settings)
	sentence := "what cannot be delivered is dropped: give it a dead_letter_config with a queue"
}

has_dead_letter_queue(settings) if {
	arn := settings.dead_letter_config[0].arn
	is_string(arn)
	contains(arn, ":sqs:")
}

findings contains plan.finding(target, "", sentence) if {
	some target in targets("retry-policy")
	not has_finite_retries(target.settings)
	sentence := sprintf(
		"say for how long delivery is tried: a retry_policy with at most %v attempts and %v seconds",
		[most.attempts, most.age_seconds],
	)
}

has_finite_retries(settings) if {
	policy := settings.retry_policy[0]
	policy.maximum_retry_attempts <= most.attempts
	policy.maximum_event_age_in_seconds >= 60
	policy.maximum_event_age_in_seconds <= most.age_seconds
	is_number(policy.maximum_retry_attempts)
}
