//! What each function hears and how its mapping is set up: read from the squads' Terraform, through the very
//! expressions of the modules behind it.

use std::collections::BTreeMap;

use hcl_edit::{
    expr::Expression,
    structure::{Attribute, Body},
};
use serde_json::{Value, json};

use crate::terraform::{Module, Names, attribute, key, member, value};

/// A consumer: its rules, its queue and the mapping that feeds the function.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The function, and the queue of its name.
    pub function: String,
    pub rules: Vec<Rule>,
    pub queue: Settings,
}

/// One rule: what a function wants to hear.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The function, and the queue of its name.
    pub function: String,
    pub bus: String,
    /// An event pattern, as JSON.
    pub pattern: String,
}

/// A queue and its mapping.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub fifo: bool,
    /// Messages of one invocation at most.
    pub batch_size: usize,
    /// Invocations at the same time at most.
    pub concurrency: usize,
    pub max_receives: u32,
    /// How long a received message is hidden, in milliseconds.
    pub visibility: i64,
    /// The function's timeout, in milliseconds.
    pub timeout: i64,
    /// Longer messages are refused.
    pub max_bytes: usize,
}

/// Who the rules' and the events' account is.
pub const ACCOUNT: &str = "000000000000";
pub const REGION: &str = "us-east-1";
pub const STATE_MACHINE: &str =
    "arn:aws:states:us-east-1:000000000000:stateMachine:lakeside-order-fulfilment";
/// What the provider sets `max_message_size` to where a queue does not; SQS itself takes up to 1,048,576 bytes.
const PROVIDER_MAX_BYTES: i64 = 262_144;

macro_rules! squad {
    ($name:literal) => {
        [
            include_str!(concat!("../../squad-modules/", $name, "/subscriptions.tf")),
            include_str!(concat!("../../squad-modules/", $name, "/functions.tf")),
            include_str!(concat!("../../squad-modules/", $name, "/variables.tf")),
        ]
    };
}

const SQUADS: [[&str; 3]; 4] =
    [squad!("orders"), squad!("inventory"), squad!("fulfilment"), squad!("growth")];
const SUBSCRIPTION: [&str; 2] = [
    include_str!("../../squad-modules/modules/subscription/main.tf"),
    include_str!("../../squad-modules/modules/subscription/variables.tf"),
];
const QUEUE: [&str; 2] = [
    include_str!("../../squad-modules/modules/queue/main.tf"),
    include_str!("../../squad-modules/modules/queue/variables.tf"),
];

/// Reads the subscriptions of all squads.
pub fn subscriptions() -> Vec<Subscription> {
    let (subscription, queue) = (Module::parse(&SUBSCRIPTION), Module::parse(&QUEUE));
    let mut all = Vec::new();
    for files in SQUADS {
        let squad = Module::parse(&files);
        let declared = squad.resolve("local.subscriptions", &BTreeMap::new(), &platform).unwrap_or_default();
        for (key, settings) in declared.as_object().expect("subscriptions are an object") {
            all.push(read(&squad, &subscription, &queue, key, settings));
        }
    }
    all
}

/// How long an invocation of each function may take, in milliseconds.
pub fn timeouts() -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    for files in SQUADS {
        let squad = Module::parse(&files);
        let functions = squad.local("functions").and_then(Expression::as_object);
        for (name, declared) in functions.into_iter().flatten() {
            let seconds = member(declared.expr(), "timeout_seconds").map(|s| value(s, &|_| None));
            all.insert(key(name).replace('_', "-"), 1000 * number::<i64>(&seconds.unwrap_or_default()));
        }
    }
    all
}

/// What the platform publishes, and the parts of a name that depend on the account.
fn platform(name: &str) -> Option<Value> {
    match name {
        "local.state_machine_arn" => Some(STATE_MACHINE.into()),
        "local.platform" => {
            let bus = |domain: &str| (domain.to_owned(), json!({ "name": domain }));
            let buses: serde_json::Map<_, _> =
                ["orders", "inventory", "fulfilment", "growth"].map(bus).into_iter().collect();
            Some(json!({ "account_id": ACCOUNT, "region": REGION, "prefix": "lakeside", "buses": buses }))
        }
        _ => None,
    }
}

fn read(squad: &Module, module: &Module, queue: &Module, key: &str, settings: &Value) -> Subscription {
    let function = key.replace('_', "-");
    let declared = squad.local("functions").and_then(|functions| member(functions, key));
    let declared = declared.unwrap_or_else(|| panic!("{key} hears something and is no function"));
    let timeout =
        member(declared, "timeout_seconds").map(|seconds| value(seconds, &|_| None)).unwrap_or_default();

    // The squad's call of the module, one round of its `for_each`.
    let call = squad.block("module", &["subscription"]);
    let in_squad = |name: &str| match name {
        "each.value" => Some(settings.clone()),
        name => squad.resolve(name, &BTreeMap::new(), &platform),
    };
    let mut variables = arguments(call, &in_squad);
    variables.insert("function".into(), json!({ "name": function, "timeout_seconds": timeout }));

    // Inside the module.
    let names = |name: &str| module.resolve(name, &variables, &|_| None);
    let rule = module.block("resource", &["aws_cloudwatch_event_rule", "rule"]);
    let rules = names("var.rules").unwrap_or_default();
    let rules = rules.as_object().map(serde_json::Map::values).into_iter().flatten().map(|declared| {
        let names = |name: &str| match name {
            "each.value" => Some(declared.clone()),
            name => names(name),
        };
        let text = |of: &str| attribute(rule, of, &names).as_str().map(str::to_owned);
        Rule {
            function: function.clone(),
            bus: text("event_bus_name").expect("a rule is on a bus"),
            pattern: text("event_pattern").expect("a rule has a pattern"),
        }
    });
    let rules = rules.collect();

    // The queue that the module makes, and its mapping.
    let variables = arguments(module.block("module", &["queue"]), &names);
    let queue_names = |name: &str| queue.resolve(name, &variables, &|_| None);
    let made = queue.block("resource", &["aws_sqs_queue", "queue"]);
    let mapping = module.block("resource", &["aws_lambda_event_source_mapping", "queue"]);
    let scaling = mapping.get_blocks("scaling_config").next().expect("a mapping limits its concurrency");
    let redrive = attribute(made, "redrive_policy", &queue_names);
    let redrive: Value =
        serde_json::from_str(redrive.as_str().expect("a queue has a redrive policy")).unwrap();
    Subscription {
        rules,
        queue: Settings {
            fifo: attribute(made, "fifo_queue", &queue_names) == Value::Bool(true),
            batch_size: number(&attribute(mapping, "batch_size", &names)),
            concurrency: number(&attribute(&scaling.body, "maximum_concurrency", &names)),
            max_receives: number(&redrive["maxReceiveCount"]),
            visibility: 1000 * number::<i64>(&attribute(made, "visibility_timeout_seconds", &queue_names)),
            timeout: 1000 * number::<i64>(&timeout),
            max_bytes: attribute(made, "max_message_size", &queue_names)
                .as_i64()
                .unwrap_or(PROVIDER_MAX_BYTES)
                .try_into()
                .unwrap(),
        },
        function,
    }
}

fn arguments(call: &Body, names: &Names) -> BTreeMap<String, Value> {
    let of = |argument: &Attribute| (argument.key.as_str().to_owned(), value(&argument.value, names));
    call.attributes().map(of).collect()
}

/// # Panics
/// If it is no number, and so not what it was when this was written.
fn number<N: TryFrom<i64>>(value: &Value) -> N {
    let read = value.as_i64().and_then(|number| N::try_from(number).ok());
    read.unwrap_or_else(|| panic!("a setting of a subscription is {value} where a number was"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: &str) -> Subscription {
        subscriptions().into_iter().find(|subscription| subscription.function == function).unwrap()
    }

    #[test]
    fn a_mapping_is_set_up_as_the_terraform_says() {
        let ingest = of("order-ingest").queue;
        assert_eq!((ingest.batch_size, ingest.max_receives, ingest.concurrency), (10, 5, 10));
        assert_eq!((ingest.timeout, ingest.visibility), (10_000, 60_000));
        let capture = of("capture-payment").queue;
        assert_eq!((capture.batch_size, capture.max_receives, capture.concurrency), (1, 10, 2));
        assert_eq!((capture.timeout, capture.visibility), (20_000, 120_000));
        assert_eq!((capture.fifo, capture.max_bytes), (false, 262_144));
        let notify = of("notify-customer").queue;
        assert_eq!((notify.batch_size, notify.max_receives, notify.timeout), (5, 5, 30_000));
        assert_eq!(subscriptions().len(), 15);
    }

    #[test]
    fn a_pattern_is_what_the_module_makes_of_a_rule() {
        let pattern = |function: &str, rule: usize| -> Value {
            serde_json::from_str(&of(function).rules[rule].pattern).unwrap()
        };
        assert_eq!(
            pattern("reserve-stock", 0),
            json!({"account": [ACCOUNT], "source": ["lakeside.orders"], "detail-type": ["OrderCreated"]})
        );
        assert_eq!(
            pattern("recover-fulfilment", 0),
            json!({
                "account": [ACCOUNT], "source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"stateMachineArn": [STATE_MACHINE], "status": ["ABORTED", "FAILED", "TIMED_OUT"]},
            })
        );
        assert_eq!(of("recover-fulfilment").rules[0].bus, "default");
        assert!(of("capture-payment").rules.is_empty());
    }
}
