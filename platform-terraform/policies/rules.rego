# Rules and buses: a rule hears what it names, never itself, and a replay does nothing twice outside.
package lakeside.rules

import data.lakeside.documents
import data.lakeside.plan
import rego.v1

# Step Functions remembers an execution's name for 90 days, and records of effects outlast this.
most_archive_days := 60

rule_attributes := {"arn", "event_bus_name", "event_pattern", "name", "schedule_expression"}

target_attributes := {"arn", "event_bus_name", "rule"}

reads := {
	"pattern": {"aws_cloudwatch_event_rule": {"event_pattern", "name", "schedule_expression"}},
	"own-output": {
		"aws_cloudwatch_event_rule": rule_attributes,
		"aws_cloudwatch_event_target": target_attributes,
	},
	"replay": {
		"aws_cloudwatch_event_rule": rule_attributes - {"arn"},
		"aws_cloudwatch_event_target": target_attributes,
		"aws_iam_role_policy": {"policy", "role"},
		"aws_lambda_event_source_mapping": {"event_source_arn", "function_name"},
		"aws_lambda_function": {"environment", "function_name", "role"},
	},
	"archive-retention": {"aws_cloudwatch_event_archive": {"name", "retention_days"}},
	"bus-encryption": {"aws_cloudwatch_event_bus": {"kms_key_identifier", "name"}},
}

seen := plan.seen("rules", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("rules", reads)

pattern(rule) := json.unmarshal(rule.event_pattern) if not rule.event_pattern in {null, ""}

is_schedule(rule) if not rule.schedule_expression in {null, ""}

findings contains plan.finding(rule, rule.name, sentence) if {
	some rule in seen.pattern.aws_cloudwatch_event_rule
	not is_schedule(rule)
	some field in {"source", "detail-type"}
	not names(rule, field)
	sentence := sprintf("it hears more than it was made for: name `%s` in its pattern", [field])
}

# Prefixes and wildcards name nobody.
names(rule, field) if {
	values := pattern(rule)[field]
	count(values) > 0
	every value in values {
		is_string(value)
	}
}

# The rule of each target, and where it sends to.
deliveries(name) := [object.union(rule, {"target": target.arn}) |
	some target in seen[name].aws_cloudwatch_event_target
	some rule in seen[name].aws_cloudwatch_event_rule
	rule.name == target.rule
	bus_name(rule) == bus_name(target)
]

bus_name(thing) := "default" if thing.event_bus_name in {null, ""}

bus_name(thing) := regex.replace(thing.event_bus_name, `^.*event-bus/`, "") if not thing.event_bus_name in {null, ""}

place(arn) := {"region": split(arn, ":")[3], "account": split(arn, ":")[4]}

findings contains plan.finding(rule, rule.name, sentence) if {
	some rule in deliveries("own-output")
	contains(rule.target, ":event-bus/")
	not leaves_for_good(rule)
	sentence := concat("", [
		"what it sends to a bus may come back to it: name `region` or `account` in its pattern, ",
		"without those of the bus it sends to",
	])
}

# An event keeps the region and the account of whoever said it first, on however many buses it is.
leaves_for_good(rule) if {
	some field in {"region", "account"}
	place(rule.arn)[field] != place(rule.target)[field]
	values := pattern(rule)[field]
	count(values) > 0
	every value in values {
		is_string(value)
		value != place(rule.target)[field]
	}
}

findings contains plan.finding(rule, rule.name, sentence) if {
	some rule in deliveries("own-output")
	"aws.states" in pattern(rule).source
	contains(rule.target, ":stateMachine:")
	not names_other_machines(rule)
	sentence := "it hears of the executions that it starts: name other state machines in detail.stateMachineArn"
}

names_other_machines(rule) if {
	machines := pattern(rule).detail.stateMachineArn
	count(machines) > 0
	every machine in machines {
		is_string(machine)
		machine != rule.target
	}
}

# What a function may do that somebody outside could notice, or that hands the event on to who does.
effects := {
	"events:PutEvents", "lambda:InvokeFunction", "scheduler:CreateSchedule", "secretsmanager:GetSecretValue",
	"sns:Publish", "sqs:SendMessage", "states:StartExecution", "states:StartSyncExecution",
}

has_effect(action) if action in effects

has_effect(action) if regex.match(`^(ses|sms-voice|social-messaging|mobiletargeting):Send`, action)

acts_outside(function) if {
	some policy in seen.replay.aws_iam_role_policy
	policy.role == regex.replace(function.role, `^.*/`, "")
	some statement in documents.allowing(policy.policy)
	some action in documents.values(statement, "Action")
	has_effect(action)
}

# Where spans go is no effect: whoever gets them gets those of a replay too.
acts_outside(function) if {
	some name, value in function.environment[0].variables
	not startswith(name, "OTEL_EXPORTER_OTLP_")
	regex.match(`https?://`, value)
}

# Those functions of this root that a queue feeds, by the queue's ARN.
fed_by_queue[queue_arn] contains function if {
	some mapping in seen.replay.aws_lambda_event_source_mapping
	queue_arn := mapping.event_source_arn
	some function in seen.replay.aws_lambda_function
	function.function_name == regex.replace(mapping.function_name, `^.*:function:([^:]+).*$`, "$1")
}

# Who acts outside because of a rule: a function behind its queue, or the target itself.
acting contains {"rule": rule, "consumer": function.function_name} if {
	some rule in deliveries("replay")
	some function in fed_by_queue[rule.target]
	acts_outside(function)
}

acting contains {"rule": rule, "consumer": consumer} if {
	some rule in deliveries("replay")
	not split(rule.target, ":")[2] in {"sqs", "firehose", "kinesis", "logs"}
	not contains(rule.target, ":event-bus/")
	consumer := regex.replace(rule.target, `^.*[:/]`, "")
}

findings contains plan.finding(delivery.rule, delivery.consumer, sentence) if {
	some delivery in acting
	not hears_no_replay(delivery.rule)
	not is_proven(delivery.consumer)
	sentence := sprintf(
		concat("", [
			"a replay makes `%s` act outside again: put `replay-name` with exists = false into its pattern, ",
			"or say in data/replay.json for how long and by what it knows what it did, more than %v days",
		]),
		[delivery.consumer, most_archive_days],
	)
}

hears_no_replay(rule) if pattern(rule)["replay-name"] == [{"exists": false}]

is_proven(consumer) if count(proofs_of(consumer)) > 0

# Consumers are listed without the prefix of an installation.
proofs_of(consumer) := {name |
	some name, proof in data.replay
	endswith(sprintf("-%s", [consumer]), sprintf("-%s", [name]))
	proof.remembers_days > most_archive_days
}

# Those that some rule needs: the others are of no use to this plan.
proofs contains name if {
	some delivery in acting
	not hears_no_replay(delivery.rule)
	some name in proofs_of(delivery.consumer)
}

findings contains plan.finding(archive, archive.name, sentence) if {
	some archive in seen["archive-retention"].aws_cloudwatch_event_archive
	not ends_in_time(archive)
	sentence := sprintf("set retention_days to 1 to %v: records of what was done must outlast it", [most_archive_days])
}

# Zero is for ever.
ends_in_time(archive) if {
	archive.retention_days >= 1
	archive.retention_days <= most_archive_days
}

findings contains plan.finding(bus, bus.name, sentence) if {
	some bus in seen["bus-encryption"].aws_cloudwatch_event_bus
	not plan.is_customer_key(bus.kms_key_identifier)
	sentence := "it is not encrypted with a key of ours: set kms_key_identifier to the platform's key for messages"
}
