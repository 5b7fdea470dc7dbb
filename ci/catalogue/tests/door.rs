//! The description of the API and the door that Terraform makes are one: nothing is described that is not there, and
//! nothing is there that is not described.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use lakeside_catalogue::{
    root::{Instance, Root},
    workspace,
};
use lakeside_contracts::{generate::documents, openapi::PATH};
use serde_json::{Value, json};

/// What one method of one path asks for, and what it may answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Offer {
    caller: String,
    body: Option<String>,
    parameters: BTreeSet<String>,
    /// Those that do not depend on what a function finds.
    statuses: BTreeSet<u16>,
    /// Whether a function answers, which may say more.
    is_answered_by_a_function: bool,
}

/// By method and path.
type Offers = BTreeMap<(String, String), Offer>;

/// What functions answer by themselves.
const OF_FUNCTIONS: [u16; 3] = [200, 400, 404];

fn description() -> Value {
    let document = documents().unwrap().into_iter().find(|document| document.path == PATH).unwrap();
    serde_json::from_str(&document.text).unwrap()
}

fn described(description: &Value) -> Offers {
    let mut offers = Offers::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let security = operation["security"].as_array().unwrap();
            assert_eq!(security.len(), 1, "{method} {path}");
            let parameters = operation["parameters"].as_array().unwrap();
            let offer = Offer {
                caller: security[0].as_object().unwrap().keys().next().unwrap().clone(),
                body: operation.pointer("/requestBody/content/application~1json/schema/$ref").map(title),
                parameters: parameters
                    .iter()
                    .filter(|parameter| parameter["in"] == "path")
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .collect(),
                statuses: operation["responses"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|s| s.parse().unwrap())
                    .collect(),
                is_answered_by_a_function: operation["responses"].get("200").is_some(),
            };
            offers.insert((method.to_uppercase(), path.clone()), offer);
        }
    }
    offers
}

fn title(reference: &Value) -> String {
    reference.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn text<'a>(instance: &'a Instance, name: &str) -> &'a str {
    instance.text(name).unwrap().unwrap_or_else(|| panic!("{} says no {name}", instance.address()))
}

fn door() -> Root {
    Root::read(&workspace().join("platform-terraform/region"), "enterprise").unwrap()
}

/// The path of a resource, up to the top of the API.
fn path(root: &Root, address: &str) -> String {
    let resource = root.of_type("aws_api_gateway_resource").find(|resource| resource.address() == address);
    resource.map_or_else(String::new, |resource| {
        format!("{}/{}", path(root, text(resource, "parent_id")), text(resource, "path_part"))
    })
}

/// What is of the same method.
fn of_method<'a>(root: &'a Root, kind: &'a str, method: &'a Instance) -> impl Iterator<Item = &'a Instance> {
    root.of_type(kind).filter(|instance| {
        ["resource_id", "http_method"].iter().all(|name| text(instance, name) == text(method, name))
    })
}

fn status(instance: &Instance) -> u16 {
    let status = instance.argument("status_code").unwrap().unwrap();
    status.as_str().map_or_else(|| status.to_string(), str::to_owned).parse().unwrap()
}

fn offered(root: &Root) -> Offers {
    let mut offers = Offers::new();
    for method in root.of_type("aws_api_gateway_method") {
        let authorizer = text(method, "authorizer_id");
        let authorizer =
            root.of_type("aws_api_gateway_authorizer").find(|one| one.address() == authorizer).unwrap();
        let integration = of_method(root, "aws_api_gateway_integration", method).next().unwrap();
        let proxy = text(integration, "type") == "AWS_PROXY";
        let body = method
            .argument("request_models")
            .unwrap()
            .map(|models| models["application/json"].as_str().unwrap().to_owned());
        let parameters =
            method.argument("request_parameters").unwrap().and_then(Value::as_object).into_iter().flatten();
        let mut statuses: BTreeSet<u16> =
            of_method(root, "aws_api_gateway_method_response", method).map(status).collect();
        // What API Gateway says by itself: nobody is signed in, too many requests, a function that fails, no JSON.
        statuses.extend([401, 429]);
        statuses.extend(proxy.then_some(502));
        statuses.extend((integration.text("passthrough_behavior").unwrap() == Some("NEVER")).then_some(415));
        for response in root.of_type("aws_api_gateway_gateway_response") {
            let concerns = match text(response, "response_type") {
                "BAD_REQUEST_BODY" => body.is_some(),
                "ACCESS_DENIED" | "AUTHORIZER_CONFIGURATION_ERROR" | "AUTHORIZER_FAILURE" => {
                    text(method, "authorization") == "CUSTOM"
                }
                "INVALID_API_KEY" | "QUOTA_EXCEEDED" => {
                    method.argument("api_key_required").unwrap() == Some(&Value::Bool(true))
                }
                other => panic!("nothing says here which methods the gateway response {other} concerns"),
            };
            statuses.extend(concerns.then(|| status(response)));
        }
        let offer = Offer {
            caller: text(authorizer, "name").to_owned(),
            body,
            parameters: parameters
                .filter_map(|(name, _)| name.strip_prefix("method.request.path.").map(str::to_owned))
                .collect(),
            statuses,
            is_answered_by_a_function: proxy,
        };
        let key = (text(method, "http_method").to_owned(), path(root, text(method, "resource_id")));
        assert!(offers.insert(key, offer).is_none(), "{} is there twice", method.address());
    }
    offers
}

/// What does not agree.
fn differences(described: &Offers, offered: &Offers) -> Vec<String> {
    let mut faults = Vec::new();
    let keys: BTreeSet<_> = described.keys().chain(offered.keys()).collect();
    for key in keys {
        let (method, path) = key;
        match (described.get(key), offered.get(key)) {
            (Some(described), Some(offered)) => {
                let mut comparable = described.clone();
                if offered.is_answered_by_a_function {
                    comparable.statuses.retain(|s| !OF_FUNCTIONS.contains(s) || offered.statuses.contains(s));
                }
                if comparable != *offered {
                    faults.push(format!(
                        "{method} {path} is described as {described:?} and offered as {offered:?}"
                    ));
                }
            }
            (Some(_), None) => faults.push(format!("{method} {path} is described and not offered")),
            (None, _) => faults.push(format!("{method} {path} is offered and not described")),
        }
    }
    faults
}

#[test]
fn the_door_offers_what_is_described_and_nothing_else() {
    let offered = offered(&door());
    assert!(offered.len() > 8, "{offered:?}");
    assert_eq!(differences(&described(&description()), &offered), Vec::<String>::new());
}

#[test]
fn every_kind_of_difference_is_found() {
    let (described, offered) = (described(&description()), offered(&door()));
    let key = ("PUT".to_owned(), "/partner/orders/{orderId}".to_owned());
    let changes: [fn(&mut Offer); 5] = [
        |offer| offer.caller = "customers".into(),
        |offer| offer.body = Some("PlaceOrder".into()),
        |offer| assert!(offer.statuses.remove(&503)),
        |offer| assert!(offer.statuses.insert(409)),
        |offer| assert!(offer.parameters.insert("partner".into())),
    ];
    for change in changes {
        let mut other = described.clone();
        change(other.get_mut(&key).unwrap());
        assert_eq!(differences(&other, &offered).len(), 1);
    }
    let mut fewer = described.clone();
    fewer.remove(&key);
    assert_eq!(differences(&fewer, &offered), ["PUT /partner/orders/{orderId} is offered and not described"]);
    let mut more = described;
    more.insert(("DELETE".into(), "/orders".into()), Offer::default());
    assert_eq!(differences(&more, &offered), ["DELETE /orders is described and not offered"]);
}

#[test]
fn the_models_that_check_bodies_are_the_contracts_that_describe_them() {
    let root = door();
    let documents = documents().unwrap();
    let mut models = BTreeSet::new();
    for model in root.of_type("aws_api_gateway_model") {
        let schema: Value = serde_json::from_str(text(model, "schema")).unwrap();
        let name = text(model, "name");
        assert_eq!(schema["title"], name);
        let generated = documents.iter().filter(|document| document.path.ends_with(".model.json"));
        let mut generated = generated.map(|document| serde_json::from_str::<Value>(&document.text).unwrap());
        assert!(generated.any(|one| one == schema), "the model {name} is not what the contracts say");
        models.insert(name.to_owned());
    }
    let bodies: BTreeSet<String> =
        described(&description()).into_values().filter_map(|offer| offer.body).collect();
    assert_eq!(models, bodies);
}

#[test]
fn what_the_door_answers_by_itself_fits_the_description() {
    let (root, description) = (door(), description());
    let mut checked = 0;
    let mut check = |answer: &str, schema: &Value, of: &str| {
        // As the template language fills it in.
        let filled = ["orderId", "saleId"].into_iter().fold(answer.to_owned(), |answer, name| {
            answer.replace(
                &format!("$util.urlEncode($input.params('{name}'))"),
                "7e57d004-2b97-4e7a-b45f-5387367791cd",
            )
        });
        let filled = filled
            .replace("$context.error.messageString", "\"Invalid request body\"")
            .replace("$util.escapeJavaScript($context.error.validationErrorString)", "nothing fits");
        let body: Value =
            serde_json::from_str(&filled).unwrap_or_else(|error| panic!("{of}: {error} in {filled}"));
        let whole = json!({ "$ref": schema, "components": description["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        assert!(validator.is_valid(&body), "{of}: {body}");
        checked += 1;
    };
    for response in root.of_type("aws_api_gateway_integration_response") {
        let method = root
            .of_type("aws_api_gateway_method")
            .find(|method| {
                ["resource_id", "http_method"].iter().all(|name| text(method, name) == text(response, name))
            })
            .unwrap();
        let path = path(&root, text(method, "resource_id")).replace('/', "~1");
        let method = text(method, "http_method").to_lowercase();
        let pointer = format!(
            "/paths/{path}/{method}/responses/{}/content/application~1json/schema/$ref",
            status(response)
        );
        let templates = response.argument("response_templates").unwrap().unwrap();
        check(
            templates["application/json"].as_str().unwrap(),
            description.pointer(&pointer).unwrap(),
            &response.address(),
        );
    }
    for response in root.of_type("aws_api_gateway_gateway_response") {
        let templates = response.argument("response_templates").unwrap().unwrap();
        let problem = json!("#/components/schemas/Problem");
        check(templates["application/json"].as_str().unwrap(), &problem, &response.address());
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn every_schema_of_the_description_is_a_committed_contract() {
    let description = description();
    let contracts = workspace().join("contracts/api");
    let mut committed = BTreeMap::new();
    for entry in fs::read_dir(contracts).unwrap() {
        let schema = entry.unwrap().path().join("v1.schema.json");
        if let Ok(text) = fs::read_to_string(schema) {
            let mut schema: Value = serde_json::from_str(&text).unwrap();
            schema.as_object_mut().unwrap().remove("$schema");
            committed.insert(schema["title"].as_str().unwrap().to_owned(), schema);
        }
    }
    let described: BTreeMap<String, Value> =
        serde_json::from_value(description["components"]["schemas"].clone()).unwrap();
    assert_eq!(described, committed);
}
