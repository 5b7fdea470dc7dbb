//! A state as if the changes of a plan had been made, as far as the plan knows what comes of them.
//!
//! Terraform reads no data source that names a resource with a change before it, so a plan with another profile hides
//! every policy document that names a log group whose retention changes. Planned again from here it is not hidden.

use serde_json::{Map, Value};

/// What the emulator has replaced by every plan, for it says that a replica has its table's key. Its ARN is that of its name.
const REPLACED_AS_IT_WAS: &str = "aws_dynamodb_table_replica";

/// Whether a plan changes something that is there and hides something because of it.
pub fn is_unsettled(plan: &Value) -> bool {
    let updates = changes(plan).any(is_update);
    updates && changes(plan).any(|resource| holds_true(resource.pointer("/change/after_unknown")))
}

/// Writes into the state what the plan's updates make of its resources.
pub fn settle(state: &mut Value, plan: &Value) {
    for update in changes(plan).filter(|resource| is_update(resource)) {
        let Some(attributes) = attributes_of(state, update) else { continue };
        let after = update.pointer("/change/after").and_then(Value::as_object);
        for (name, value) in after.into_iter().flatten() {
            let unknown = update.pointer("/change/after_unknown").and_then(|unknown| unknown.get(name));
            if !holds_true(unknown) {
                attributes.insert(name.clone(), value.clone());
            }
        }
    }
}

fn changes(plan: &Value) -> impl Iterator<Item = &Value> {
    let changes = plan.get("resource_changes").and_then(Value::as_array).into_iter().flatten();
    changes.filter(|resource| text(resource, "mode") == "managed")
}

fn is_update(resource: &Value) -> bool {
    let actions = resource.pointer("/change/actions").and_then(Value::as_array);
    actions.is_some_and(|actions| {
        actions.iter().eq(["update"].iter())
            || text(resource, "type") == REPLACED_AS_IT_WAS && actions.iter().eq(["delete", "create"].iter())
    })
}

/// The attributes of a plan's resource in a state, which keeps the instances of one together.
fn attributes_of<'a>(state: &'a mut Value, planned: &Value) -> Option<&'a mut Map<String, Value>> {
    let resources = state.get_mut("resources")?.as_array_mut()?;
    let resource = resources.iter_mut().find(|resource| {
        let same = |here: &str, there: &str| text(resource, here) == text(planned, there);
        text(resource, "mode") == "managed"
            && same("type", "type")
            && same("name", "name")
            && same("module", "module_address")
    })?;
    let instances = resource.get_mut("instances")?.as_array_mut()?;
    let instance = instances.iter_mut().find(|instance| instance.get("index_key") == planned.get("index"))?;
    instance.get_mut("attributes")?.as_object_mut()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn holds_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::Array(values)) => values.iter().any(|value| holds_true(Some(value))),
        Some(Value::Object(values)) => values.values().any(|value| holds_true(Some(value))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(action: &str, after: &Value, unknown: &Value) -> Value {
        json!({"resource_changes": [{
            "mode": "managed", "type": "aws_thing", "name": "a", "module_address": "module.m[\"x\"]", "index": "b",
            "change": {"actions": [action], "after": after, "after_unknown": unknown}}]})
    }

    fn state() -> Value {
        let instance =
            |key: &str| json!({"index_key": key, "attributes": {"days": 1, "arn": "arn", "policy": "old"}});
        let resource = |module: &str| {
            json!({"mode": "managed", "type": "aws_thing", "name": "a", "module": module,
                "instances": [instance("a"), instance("b")]})
        };
        json!({"resources": [resource("module.m[\"y\"]"), resource("module.m[\"x\"]")]})
    }

    #[test]
    fn what_an_update_makes_of_a_resource_is_written_into_its_state() {
        let mut settled = state();
        settle(&mut settled, &change("update", &json!({"days": 7, "arn": "arn"}), &json!({"policy": true})));
        let mut expected = state();
        expected["resources"][1]["instances"][1]["attributes"]["days"] = json!(7);
        assert_eq!(settled, expected);
    }

    #[test]
    fn a_replica_that_is_replaced_keeps_its_arn() {
        let mut plan = change("update", &json!({"days": 7, "arn": null}), &json!({"arn": true}));
        let mut state = state();
        let replica = "aws_dynamodb_table_replica";
        plan["resource_changes"][0]["type"] = replica.into();
        plan["resource_changes"][0]["change"]["actions"] = json!(["delete", "create"]);
        state["resources"][1]["type"] = replica.into();
        assert!(is_unsettled(&plan));
        settle(&mut state, &plan);
        let attributes = &state["resources"][1]["instances"][1]["attributes"];
        assert_eq!(attributes, &json!({"days": 7, "arn": "arn", "policy": "old"}));
    }

    #[test]
    fn what_is_known_in_part_stays_as_it_was() {
        let mut settled = state();
        settle(
            &mut settled,
            &change("update", &json!({"policy": [{}]}), &json!({"policy": [{"arn": true}]})),
        );
        assert_eq!(settled, state());
    }

    #[test]
    fn what_is_made_or_replaced_or_stays_is_left_alone() {
        for action in ["create", "delete", "no-op"] {
            let mut settled = state();
            settle(&mut settled, &change(action, &json!({"days": 7}), &json!({})));
            assert_eq!(settled, state(), "{action}");
        }
    }

    #[test]
    fn a_plan_is_unsettled_if_it_updates_something_and_hides_something() {
        assert!(is_unsettled(&change("update", &json!({}), &json!({"policy": true}))));
        assert!(!is_unsettled(&change("update", &json!({}), &json!({"tags": {}}))));
        assert!(!is_unsettled(&change("create", &json!({}), &json!({"arn": true}))));
    }
}
