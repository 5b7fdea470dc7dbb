# Tags: whoever reads the bill knows whose a resource is, and of which environment.
package lakeside.tags

import data.lakeside.plan
import rego.v1

wanted := {"lakeside:environment", "lakeside:squad"}

# Every type that has tags.
reads := {"owner": {type: {"tags_all"} |
	some resource in plan.resources
	type := resource.type
	is_taggable(resource)
}}

is_taggable(resource) if "tags_all" in object.keys(resource.change.after)

is_taggable(resource) if resource.change.after_unknown.tags_all

seen := plan.seen("tags", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("tags", reads)

findings contains plan.finding(resource, tag, sentence) if {
	some resources in seen.owner
	some resource in resources
	some tag in wanted
	not has_tag(resource, tag)
	sentence := sprintf("nobody knows whose it is: tag it with `%s`, by the provider's default_tags", [tag])
}

has_tag(resource, tag) if regex.match(`^[a-z][a-z0-9-]+$`, resource.tags_all[tag])
