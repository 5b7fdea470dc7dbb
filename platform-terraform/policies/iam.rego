# What roles may do: named actions on named resources, and of a table the items that are their business.
package lakeside.iam

import data.lakeside.documents
import data.lakeside.plan
import rego.v1

attributes := {"aws_iam_policy": {"policy"}, "aws_iam_role_policy": {"policy"}}

reads := {
	"actions": attributes,
	"resources": attributes,
	"leading-keys": attributes,
	"trust": {"aws_iam_role": {"assume_role_policy"}},
}

seen := plan.seen("iam", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("iam", reads)

# Each statement that allows something, with the policy it is in.
grants(rule) := [object.union(policy, {"statement": statement}) |
	some policies in seen[rule]
	some policy in policies
	some statement in documents.allowing(policy.policy)
]

findings contains plan.finding(policy, action, sentence) if {
	some policy in grants("actions")
	some action in documents.values(policy.statement, "Action")
	documents.has_wildcard(action)
	sentence := sprintf("`%s` allows what nobody has asked for: name each action", [action])
}

findings contains plan.finding(policy, "NotAction", sentence) if {
	some policy in grants("actions")
	policy.statement.NotAction
	sentence := "everything but some actions is allowed: name each action instead of using NotAction"
}

findings contains plan.finding(policy, action, sentence) if {
	some policy in grants("resources")
	some resource in documents.values(policy.statement, "Resource")
	is_open(resource)
	some action in documents.values(policy.statement, "Action")
	sentence := sprintf("`%s` is allowed on `%s`: name the resources", [action, resource])
}

findings contains plan.finding(policy, action, sentence) if {
	some policy in grants("resources")
	policy.statement.NotResource
	some action in documents.values(policy.statement, "Action")
	sentence := sprintf("`%s` is allowed on everything but some resources: name them instead", [action])
}

# A wildcard may stand for what is in a resource, such as an object or a log stream, never for where it is or which.
is_open(resource) if not startswith(resource, "arn:")

is_open(resource) if {
	parts := split(resource, ":")
	some part in array.slice(parts, 0, 5)
	documents.has_wildcard(part)
}

is_open(resource) if regex.match(`^[*?]`, split(resource, ":")[5])

# `table/*`, `role/*`, `function:*`: all of a kind.
is_open(resource) if {
	name := concat(":", array.slice(split(resource, ":"), 5, 100))
	regex.match(`^(table|role|function|secret|key|event-bus|rule|stateMachine|log-group)[:/][*?]`, name)
}

item_actions := {
	"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
	"dynamodb:GetItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLSelect",
	"dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
}

findings contains plan.finding(policy, action, sentence) if {
	some policy in grants("leading-keys")
	some action in documents.values(policy.statement, "Action")
	action in item_actions
	not names_keys(action, policy.statement)
	sentence := sprintf(
		"`%s` reaches every item of a table that others share: add ForAllValues:StringLike on dynamodb:LeadingKeys",
		[action],
	)
}

# A scan has no key, so no condition on keys binds it.
names_keys(action, statement) if {
	not action in {"dynamodb:Scan", "dynamodb:PartiQLSelect"}
	some operator, keys in documents.conditions(statement, "dynamodb:LeadingKeys")
	operator in {"ForAllValues:StringEquals", "ForAllValues:StringLike"}
	count(keys) > 0
	every key in keys {
		regex.match(`^[^*?]+`, key)
	}
}

findings contains plan.finding(role, sid, sentence) if {
	some role in seen.trust.aws_iam_role
	some statement in documents.allowing(role.assume_role_policy)
	documents.is_everybody(statement)
	sid := object.get(statement, "Sid", "")
	sentence := "anybody may assume it: name who, by a service or an ARN"
}
