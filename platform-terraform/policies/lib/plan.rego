# What rules see of a plan, and what becomes of what they find.
#
# A package says in `reads` which attributes of which resources each of its rules looks at, and gets those and no
# others. A resource of which one of them is known only after the apply is not judged by that rule: it is listed, by
# `unseen`.
package lakeside.plan

import rego.v1

# What will be there after the apply.
resources := [resource |
	some resource in input.resource_changes
	resource.mode == "managed"
	resource.change.after != null
]

by_type := {type: [resource | some resource in resources; resource.type == type] |
	some type in {resource.type | some resource in resources}
}

# By rule and type, the resources of which everything is known that the rule reads.
seen(package_name, reads) := {rule: {type: [view(package_name, rule, resource, attributes) |
	some resource in object.get(by_type, type, [])
	count(unknown(resource, attributes)) == 0
] |
	some type, attributes in types
} |
	some rule, types in reads
}

view(package_name, rule, resource, attributes) := object.union(
	{attribute: object.get(resource.change.after, attribute, null) | some attribute in attributes},
	{"address": resource.address, "judged_by": sprintf("%s/%s", [package_name, rule])},
)

# Which of the attributes are known only after the apply, in whole or in part.
unknown(resource, attributes) := {attribute |
	some attribute in attributes
	walk(object.get(object.get(resource.change, "after_unknown", {}), attribute, false), [path, true])
	not is_filled_in(resource.type, path)
}

# Settings within an attribute that AWS fills in where nobody has set them. What a rule misses of them it denies.
filled_in := {"aws_pipes_pipe": {
	"activemq_broker_parameters", "kinesis_stream_parameters", "managed_streaming_kafka_parameters",
	"parallelization_factor", "rabbitmq_broker_parameters", "self_managed_kafka_parameters", "sqs_queue_parameters",
}}

is_filled_in(type, path) if path[count(path) - 1] in filled_in[type]

# What a package's rules could not judge, each with the rule, the resource and the attribute.
hidden(package_name, reads) := {found |
	some rule, types in reads
	some type, attributes in types
	some resource in object.get(by_type, type, [])
	some attribute in unknown(resource, attributes)
	found := {"rule": sprintf("%s/%s", [package_name, rule]), "address": resource.address, "attribute": attribute}
}

# A sentence for each, but for what no plan need show.
unseen(package_name, reads) := {sentence |
	some found in hidden(package_name, reads)
	count(overlooks(found)) == 0
	sentence := sprintf(
		"%s: `%s` is known only after the apply, so plan again once it is there [%s]",
		[found.address, found.attribute, found.rule],
	)
}

# The exceptions by which something that is not seen is overlooked.
overlooked(package_name, reads) := {name |
	some found in hidden(package_name, reads)
	some name in overlooks(found)
}

overlooks(found) := {name |
	some name, exception in data.exceptions
	exception.rule == found.rule
	found.attribute in exception.unseen
	covers_address(exception, found)
}

# Whether a resource of this type could belong to any other, because the attribute that says so is not known yet.
any_unknown(type, attribute) if {
	some resource in object.get(by_type, type, [])
	count(unknown(resource, {attribute})) > 0
}

# A fault of a resource. The subject is what an exception can name beside the address: an action, a consumer, a name.
finding(resource, subject, sentence) := {
	"rule": resource.judged_by,
	"address": resource.address,
	"subject": subject,
	"sentence": sprintf("%s: %s [%s]", [resource.address, sentence, resource.judged_by]),
}

# The sentences of those findings that no exception covers.
denied(findings) := {found.sentence |
	some found in findings
	count(excuses(found)) == 0
}

# The exceptions that some of the findings need.
used(findings) := {name |
	some found in findings
	some name in excuses(found)
}

excuses(found) := {name |
	some name, exception in data.exceptions
	exception.rule == found.rule
	not exception.unseen
	covers_subject(exception, found)
	covers_address(exception, found)
}

covers_subject(exception, found) if not exception.subjects

covers_subject(exception, found) if found.subject in exception.subjects

covers_address(exception, found) if not exception.addresses

covers_address(exception, found) if found.address in exception.addresses

# All instances of a resource or a module.
covers_address(exception, found) if {
	some address in exception.addresses
	endswith(address, "[*]")
	startswith(found.address, trim_suffix(address, "*]"))
}

# A key that AWS manages opens to whoever may use the service.
is_customer_key(key) if {
	is_string(key)
	key != ""
	not startswith(key, "alias/aws/")
	not contains(key, ":alias/aws/")
}
