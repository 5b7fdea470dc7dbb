# The public door: nobody comes in unknown, and its logs do not say who came.
package lakeside.api

import data.lakeside.plan
import rego.v1

reads := {
	"authorisation": {
		"aws_api_gateway_method": {"authorization", "http_method"},
		"aws_apigatewayv2_route": {"authorization_type", "route_key"},
	},
	"access-log": {"aws_api_gateway_stage": {"access_log_settings"}},
}

seen := plan.seen("api", reads)

deny contains sentence if some sentence in plan.denied(findings)

warn contains sentence if some sentence in plan.unseen("api", reads)

findings contains plan.finding(method, method.http_method, sentence) if {
	some method in seen.authorisation.aws_api_gateway_method
	method.authorization == "NONE"
	sentence := "anybody may call it: give it an authorizer"
}

findings contains plan.finding(route, route.route_key, sentence) if {
	some route in seen.authorisation.aws_apigatewayv2_route
	route.authorization_type in {null, "", "NONE"}
	sentence := "anybody may call it: give it an authorizer"
}

# What tells who called, or from where.
personal := {"caller", "claims", "cognito", "principalId", "sourceIp", "user", "userAgent", "userArn", "xForwardedFor"}

findings contains plan.finding(stage, "", sentence) if {
	some stage in seen["access-log"].aws_api_gateway_stage
	not logs_without_persons(stage)
	sentence := "log every call, without addresses and claims: they are personal data"
}

logs_without_persons(stage) if {
	settings := stage.access_log_settings[0]
	settings.destination_arn
	every word in personal {
		not regex.match(sprintf(`\.%s[^a-zA-Z]`, [word]), settings.format)
	}
}
