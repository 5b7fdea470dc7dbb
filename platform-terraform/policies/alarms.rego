# Alarms: whatever can fail by itself has one, and each tells somebody what to do.
package lakeside.alarms

import data.lakeside.plan
import rego.v1

# What is watched of each queue for work, each queue of dead letters, each function and each state machine.
of_work := {"ApproximateAgeOfOldestMessage"}

of_dead_letters := {"ApproximateNumberOfMessagesVisible"}

of_functions := {"Errors", "Throttles"}

of_workflows := {"ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"}

watches := {"dimensions", "metric_name", "metric_query"}

reads := {
	"action": {"aws_cloudwatch_metric_alarm": {"alarm_actions", "alarm_name"}},
	"runbook": {"aws_cloudwatch_metric_alarm": {"alarm_description", "alarm_name"}},
	"queue": {"aws_cloudwatch_metric_alarm": watches, "aws_sqs_queue": {"name"}},
	"function": {"aws_cloudwatch_metric_alarm": watches, "aws_lambda_function": {"function_name"}},
	"workflow": {"aws_cloudwatch_metric_alarm": watches, "aws_sfn_state_machine": {"name"}},
}

seen := plan.seen("alarms", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("alarms", reads)

findings contains plan.finding(alarm, alarm.alarm_name, sentence) if {
	some alarm in seen.action.aws_cloudwatch_metric_alarm
	not tells_somebody(alarm)
	sentence := "it rings and nobody hears it: give it alarm_actions"
}

findings contains plan.finding(alarm, alarm.alarm_name, sentence) if {
	some alarm in seen.runbook.aws_cloudwatch_metric_alarm
	not leads_to_a_runbook(alarm)
	sentence := "whoever hears it does not know what to do: name a file of docs/runbooks in alarm_description"
}

tells_somebody(alarm) if {
	is_array(alarm.alarm_actions)
	count(alarm.alarm_actions) > 0
}

leads_to_a_runbook(alarm) if regex.match(`(^|[ /])docs/runbooks/[a-z0-9-]+\.md`, alarm.alarm_description)

findings contains plan.finding(queue, queue.name, sentence) if {
	some queue in seen.queue.aws_sqs_queue
	not is_dead_letter_queue(queue)
	all_seen
	missing := of_work - watched("queue", "QueueName", queue.name)
	count(missing) > 0
	sentence := sprintf("nobody hears of messages that wait: give it an alarm on %s", [concat(", ", sort(missing))])
}

findings contains plan.finding(queue, queue.name, sentence) if {
	some queue in seen.queue.aws_sqs_queue
	is_dead_letter_queue(queue)
	all_seen
	missing := of_dead_letters - watched("queue", "QueueName", queue.name)
	count(missing) > 0
	sentence := sprintf("nobody hears of what was given up: give it an alarm on %s", [concat(", ", sort(missing))])
}

findings contains plan.finding(function, function.function_name, sentence) if {
	some function in seen.function.aws_lambda_function
	all_seen
	missing := of_functions - watched("function", "FunctionName", function.function_name)
	count(missing) > 0
	sentence := sprintf("nobody hears that it fails: give it an alarm on %s", [concat(", ", sort(missing))])
}

findings contains plan.finding(machine, machine.name, sentence) if {
	some machine in seen.workflow.aws_sfn_state_machine
	all_seen
	missing := of_workflows - watched_by_arn("workflow", "StateMachineArn", machine.name)
	count(missing) > 0
	sentence := sprintf("nobody hears how its executions end: give it an alarm on %s", [concat(", ", sort(missing))])
}

is_dead_letter_queue(queue) if regex.match(`-dlq(\.fifo)?$`, queue.name)

# An alarm of which it is not known what it watches may be any resource's.
all_seen if {
	every attribute in watches {
		not plan.any_unknown("aws_cloudwatch_metric_alarm", attribute)
	}
}

# Each metric that some alarm watches, alone or within an expression, with its dimensions.
metrics(rule) := [metric |
	some alarm in seen[rule].aws_cloudwatch_metric_alarm
	some metric in array.concat([alarm], within(alarm))
]

within(alarm) := [metric |
	is_array(alarm.metric_query)
	some query in alarm.metric_query
	is_array(query.metric)
	some metric in query.metric
]

watched(rule, dimension, value) := {metric.metric_name |
	some metric in metrics(rule)
	metric.dimensions[dimension] == value
}

watched_by_arn(rule, dimension, name) := {metric.metric_name |
	some metric in metrics(rule)
	endswith(metric.dimensions[dimension], sprintf(":%s", [name]))
}
