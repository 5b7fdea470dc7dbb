# State machines: nothing waits for ever, and what went wrong is written down without what was in it.
package lakeside.workflows

import data.lakeside.plan
import rego.v1

reads := {
	"task-timeout": {"aws_sfn_state_machine": {"definition"}},
	"token-heartbeat": {"aws_sfn_state_machine": {"definition"}},
	"logging": {"aws_sfn_state_machine": {"logging_configuration"}},
}

seen := plan.seen("workflows", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("workflows", reads)

# Every task, also those within Map and Parallel.
tasks(machine) := {name: state |
	walk(json.unmarshal(machine.definition), [path, state])
	count(path) >= 2
	path[count(path) - 2] == "States"
	name := path[count(path) - 1]
	state.Type == "Task"
}

says(state, name) if state[name]

says(state, name) if state[sprintf("%sPath", [name])]

findings contains plan.finding(machine, name, sentence) if {
	some machine in seen["task-timeout"].aws_sfn_state_machine
	some name, state in tasks(machine)
	not says(state, "TimeoutSeconds")
	sentence := sprintf("the task `%s` may wait for ever: give it TimeoutSeconds", [name])
}

findings contains plan.finding(machine, name, sentence) if {
	some machine in seen["token-heartbeat"].aws_sfn_state_machine
	some name, state in tasks(machine)
	endswith(state.Resource, ".waitForTaskToken")
	not says(state, "HeartbeatSeconds")
	sentence := sprintf("the task `%s` waits for a token that may be lost: give it HeartbeatSeconds", [name])
}

findings contains plan.finding(machine, "", sentence) if {
	some machine in seen.logging.aws_sfn_state_machine
	not logs_failures(machine)
	sentence := "log at least failures to a log group, without execution data: inputs hold references and task tokens"
}

logs_failures(machine) if {
	logging := machine.logging_configuration[0]
	logging.level in {"ALL", "ERROR", "FATAL"}
	logging.include_execution_data != true
	logging.log_destination
}
