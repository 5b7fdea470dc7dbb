# Trust in an identity provider, such as that of pipelines: one audience, and subjects word for word.
package lakeside.oidc

import data.lakeside.documents
import data.lakeside.plan
import rego.v1

attributes := {"aws_iam_role": {"assume_role_policy"}}

reads := {"audience": attributes, "subject": attributes}

seen := plan.seen("oidc", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("oidc", reads)

# Each provider that a statement of a role trusts. Its claims are keys that begin with its host.
trusts(rule) := [object.union(role, {"statement": statement, "provider": provider}) |
	some role in seen[rule].aws_iam_role
	some statement in documents.allowing(role.assume_role_policy)
	some principal in documents.principals(statement, "Federated")
	contains(principal, ":oidc-provider/")
	provider := regex.replace(principal, `^.*:oidc-provider/`, "")
]

# Whether every condition on the claim is an exact one, and there is one.
is_exact(statement, claim) if {
	found := documents.conditions(statement, claim)
	object.keys(found) == {"StringEquals"}
	count(found.StringEquals) > 0
	every value in found.StringEquals {
		not documents.has_wildcard(value)
		value != ""
	}
}

findings contains plan.finding(role, role.provider, sentence) if {
	some role in trusts("audience")
	not is_exact(role.statement, sprintf("%s:aud", [role.provider]))
	sentence := sprintf("tokens made for others are taken: bind `%s:aud` by StringEquals", [role.provider])
}

findings contains plan.finding(role, role.provider, sentence) if {
	some role in trusts("subject")
	not names_subjects(role)
	sentence := sprintf(
		"others than the one pipeline may assume it: bind `%s:sub` by StringEquals to whole subjects, without wildcards",
		[role.provider],
	)
}

names_subjects(role) if {
	claim := sprintf("%s:sub", [role.provider])
	is_exact(role.statement, claim)
	every subject in documents.conditions(role.statement, claim).StringEquals {
		is_whole(role.provider, subject)
	}
}

# A repository and what in it: an environment, a branch, a tag.
is_whole("token.actions.githubusercontent.com", subject) if {
	regex.match(`^repo:[^/:]+/[^/:]+:(environment:[^:]+|ref:refs/(heads|tags)/.+)$`, subject)
}

is_whole(provider, _) if provider != "token.actions.githubusercontent.com"
