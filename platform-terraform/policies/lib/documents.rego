# IAM policy documents: a statement may name one thing or several, in one shape or the other.
package lakeside.documents

import rego.v1

# The statements of a document; none where there is no document.
statements(text) := [] if text in {null, ""}

statements(text) := listed(json.unmarshal(text).Statement) if not text in {null, ""}

allowing(text) := [statement | some statement in statements(text); statement.Effect == "Allow"]

listed(value) := value if is_array(value)

listed(value) := [value] if not is_array(value)

values(statement, name) := listed(object.get(statement, name, []))

# The values under which a condition admits a key, by operator. Keys of conditions are the same in any case.
conditions(statement, key) := {operator: listed(value) |
	some operator, keys in object.get(statement, "Condition", {})
	some name, value in keys
	lower(name) == lower(key)
}

# The principals of one kind (AWS, Service, Federated); `*` is everybody of every kind.
principals(statement, kind) := {principal |
	is_object(statement.Principal)
	some principal in listed(object.get(statement.Principal, kind, []))
}

is_everybody(statement) if statement.Principal == "*"

is_everybody(statement) if "*" in principals(statement, "AWS")

is_everybody(statement) if statement.NotPrincipal

has_wildcard(value) if contains(value, "*")

has_wildcard(value) if contains(value, "?")

exact_operators := {"ArnEquals", "StringEquals"}

# Whether a condition binds the statement to sources that are each one resource.
bound_to_sources(statement) if {
	found := conditions(statement, "aws:SourceArn")
	some operator, arns in found
	operator in exact_operators
	count(arns) > 0
	every arn in arns {
		not has_wildcard(arn)
	}
}
