//! Every function may do its own work and nothing of another's: its role is assumed, and each is tried.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, bail};
use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{AttributeValue, ConditionCheck, KeysAndAttributes, TransactWriteItem},
};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use futures::{StreamExt, TryStreamExt, stream};
use lakeside_e2e::{
    capture::DOMAINS,
    cloud::{Cloud, table},
    consumers,
    marketplaces::{self, MARKETPLACES},
    processor_key,
    queues::{DEAD_LETTERS, FIFO},
};
use serde_json::Value;
use uuid::Uuid;

/// What a function may do.
#[derive(Clone, Copy)]
struct Duties {
    function: &'static str,
    /// Its table, the items that it knows there by the beginnings of their partition keys, and what it does with some.
    /// Of a consumer that is one directory the items are its own affair.
    table: Option<(&'static str, &'static [&'static str], &'static [Verb])>,
    /// Whether it is fed by a queue of its own name.
    queue: bool,
    /// What it has to do with the queues of the marketplaces.
    of_marketplaces: Option<Part>,
    /// The bus it publishes on.
    bus: Option<&'static str>,
    /// Whether it starts sagas.
    saga: bool,
    /// What it has to do with the key of the payment processor.
    processor_key: Option<Key>,
}

/// What is done with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Reads,
    Rotates,
}

/// The ends of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Sends,
    /// And it knows what opens the marketplaces.
    IsFed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verb {
    Get,
    BatchGet,
    Put,
    Update,
    Delete,
    Query,
    Check,
}

const VERBS: [Verb; 7] =
    [Verb::Get, Verb::BatchGet, Verb::Put, Verb::Update, Verb::Delete, Verb::Query, Verb::Check];

/// A kind of items that no function knows.
const STRANGE: &str = "NOBODY#";

const fn function(function: &'static str) -> Duties {
    Duties {
        function,
        table: None,
        queue: false,
        of_marketplaces: None,
        bus: None,
        saga: false,
        processor_key: None,
    }
}

const fn fed(duties: Duties) -> Duties {
    Duties { queue: true, ..duties }
}

const fn on(
    duties: Duties,
    table: &'static str,
    items: &'static [&'static str],
    verbs: &'static [Verb],
) -> Duties {
    Duties { table: Some((table, items, verbs)), ..duties }
}

const DUTIES: [Duties; 32] = [
    fed(on(function("order-ingest"), table::ORDERS, &["SKU#", "ORDER#", "SUBMISSION#"], &[Verb::Put])),
    fed(on(function("cancel-order"), table::ORDERS, &["ORDER#", "SUBMISSION#"], &[Verb::Get, Verb::Put])),
    fed(on(function("advance-order"), table::ORDERS, &["ORDER#"], &[Verb::Get, Verb::Put])),
    fed(on(function("order-status"), table::ORDER_STATUS, &["ORDER#"], &[Verb::Update])),
    on(function("order-query"), table::ORDER_STATUS, &["ORDER#"], &[Verb::Get]),
    on(function("authorize-partner"), table::PARTNERS, &["PARTNER#"], &[Verb::Get]),
    on(function("customer-orders"), table::ORDER_STATUS, &["ORDER#"], &[Verb::BatchGet]),
    fed(on(function("reserve-stock"), table::INVENTORY, &["SKU#", "RESERVATION#"], &[])),
    on(function("release-stock"), table::INVENTORY, &["SKU#", "RESERVATION#", "ALLOCATION#"], &[]),
    on(function("allocate"), table::INVENTORY, &["SKU#", "RESERVATION#", "ALLOCATION#"], &[]),
    on(function("sweep-reservations"), table::INVENTORY, &["SKU#", "RESERVATION#"], &[]),
    Duties {
        bus: Some("inventory"),
        ..on(function("publish-levels"), table::INVENTORY, &["SKU#"], &[Verb::Query])
    },
    fed(on(function("project-store-stock"), table::STORE_STOCK, &["SKU#"], &[Verb::Put])),
    on(function("stock-query"), table::STORE_STOCK, &["SKU#"], &[Verb::Query]),
    fed(on(function("adjust-stock"), table::INVENTORY, &["SKU#", "ADJUSTMENT#", "SALE#"], &[])),
    on(function("reconcile-stock"), table::INVENTORY, &["SKU#", "POSITION#reconcile-stock"], &[]),
    fed(Duties {
        saga: true,
        ..on(function("start-fulfilment"), table::FULFILMENT, &["PAYMENT#"], &[Verb::Get])
    }),
    fed(Duties { saga: true, ..function("recover-fulfilment") }),
    fed(on(
        function("cancel-fulfilment"),
        table::FULFILMENT,
        &["PAYMENT#", "LABEL#", "APPROVAL#"],
        &[Verb::Put, Verb::Update],
    )),
    fed(Duties {
        processor_key: Some(Key::Reads),
        ..on(function("capture-payment"), table::FULFILMENT, &["PAYMENT#", "LEASE#capture-payment#"], &[])
    }),
    fed(Duties {
        processor_key: Some(Key::Reads),
        ..on(function("refund-payment"), table::FULFILMENT, &["PAYMENT#", "LEASE#refund-payment#"], &[])
    }),
    Duties { processor_key: Some(Key::Rotates), ..function("rotate-processor-key") },
    on(function("create-label"), table::FULFILMENT, &["LABEL#", "LEASE#create-label#"], &[]),
    on(function("void-label"), table::FULFILMENT, &["LABEL#", "LEASE#void-label#"], &[]),
    fed(on(
        function("accrue-loyalty"),
        table::GROWTH,
        &["LOYALTY#", "ACCOUNT#"],
        &[Verb::Get, Verb::Put, Verb::Update],
    )),
    fed(on(
        function("notify-customer"),
        table::GROWTH,
        &["NOTICE#", "LEASE#notify-customer#"],
        &[Verb::Get, Verb::Put, Verb::Delete, Verb::Query],
    )),
    fed(Duties { of_marketplaces: Some(Part::Sends), ..function("route-stock") }),
    Duties {
        of_marketplaces: Some(Part::IsFed),
        ..on(
            function("publish-stock"),
            table::GROWTH,
            &["LISTING#", "LEASE#publish-stock#"],
            &[Verb::Get, Verb::Put, Verb::Delete],
        )
    },
    Duties { bus: Some("growth"), ..function("growth-publish-outbox") },
    Duties { bus: Some("orders"), ..function("orders-publish-outbox") },
    Duties { bus: Some("inventory"), ..function("inventory-publish-outbox") },
    Duties { bus: Some("fulfilment"), ..function("fulfilment-publish-outbox") },
];

/// Those in the list, and of every consumer that is one directory: it has its queue, and a table of its name.
fn all_duties() -> anyhow::Result<Vec<Duties>> {
    let mut duties = DUTIES.to_vec();
    for name in consumers::names()? {
        let name: &'static str = name.leak();
        duties.push(fed(on(function(name), name, &[], &[])));
    }
    Ok(duties)
}

/// Somebody with the rights of one function.
struct Intruder {
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    secrets: aws_sdk_secretsmanager::Client,
    sfn: aws_sdk_sfn::Client,
}

impl Intruder {
    async fn disguised_as(cloud: &Cloud, function: &str) -> anyhow::Result<Self> {
        let path = format!("/2015-03-31/functions/{}/configuration", cloud.name(function));
        let configuration = cloud.signed.get("lambda", &path).await?;
        let role = configuration.get("Role").and_then(Value::as_str).context("a function without role")?;
        let config = cloud.assume(role).await;
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            events: aws_sdk_eventbridge::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
        })
    }

    /// What it may do with items of a kind.
    async fn allowed(&self, table: &str, kind: &str) -> anyhow::Result<BTreeSet<Verb>> {
        let mut allowed = BTreeSet::new();
        for verb in VERBS {
            if self.may(verb, table, kind).await? {
                allowed.insert(verb);
            }
        }
        Ok(allowed)
    }

    /// Tries one action on a key that does not exist, under a condition that fails if the action is allowed.
    async fn may(&self, verb: Verb, table: &str, kind: &str) -> anyhow::Result<bool> {
        // Kinds that end in no `#` are whole keys.
        let pk =
            || AttributeValue::S(if kind.ends_with('#') { format!("{kind}nobody") } else { kind.into() });
        let sk = || AttributeValue::S("nothing".into());
        let key = || HashMap::from([("pk".to_owned(), pk()), ("sk".to_owned(), sk())]);
        let dynamodb = &self.dynamodb;
        let exists = "attribute_exists(pk)";
        match verb {
            Verb::Get => permitted(dynamodb.get_item().table_name(table).set_key(Some(key())).send().await),
            Verb::BatchGet => {
                let keys = KeysAndAttributes::builder().keys(key()).build()?;
                permitted(dynamodb.batch_get_item().request_items(table, keys).send().await)
            }
            Verb::Put => permitted(
                dynamodb
                    .put_item()
                    .table_name(table)
                    .set_item(Some(key()))
                    .condition_expression(exists)
                    .send()
                    .await,
            ),
            Verb::Update => permitted(
                dynamodb
                    .update_item()
                    .table_name(table)
                    .set_key(Some(key()))
                    .update_expression("SET touched = :now")
                    .condition_expression(exists)
                    .expression_attribute_values(":now", AttributeValue::S("now".into()))
                    .send()
                    .await,
            ),
            Verb::Delete => permitted(
                dynamodb
                    .delete_item()
                    .table_name(table)
                    .set_key(Some(key()))
                    .condition_expression(exists)
                    .send()
                    .await,
            ),
            Verb::Query => permitted(
                dynamodb
                    .query()
                    .table_name(table)
                    .key_condition_expression("pk = :pk")
                    .expression_attribute_values(":pk", pk())
                    .send()
                    .await,
            ),
            Verb::Check => {
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key()))
                    .condition_expression(exists)
                    .build()?;
                let item = TransactWriteItem::builder().condition_check(check).build();
                permitted(dynamodb.transact_write_items().transact_items(item).send().await)
            }
        }
    }

    async fn may_scan(&self, table: &str) -> anyhow::Result<bool> {
        permitted(self.dynamodb.scan().table_name(table).limit(1).send().await)
    }
}

/// Whether an answer is anything but a refusal for want of permission.
fn permitted<T, E, R>(answer: Result<T, aws_sdk_dynamodb::error::SdkError<E, R>>) -> anyhow::Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Err(error) = answer else { return Ok(true) };
    match error.code() {
        Some(code) if code.contains("AccessDenied") => Ok(false),
        Some(
            "ConditionalCheckFailedException"
            | "ExecutionDoesNotExist"
            | "ResourceNotFoundException"
            | "TransactionCanceledException",
        ) => Ok(true),
        _ => bail!(anyhow::Error::new(error).context("neither permitted nor denied")),
    }
}

/// The kinds of items of every table, and one that none has.
type Kinds = BTreeMap<&'static str, BTreeSet<&'static str>>;

fn kinds(all: &[Duties]) -> Kinds {
    let mut kinds: Kinds = table::ALL.into_iter().map(|table| (table, BTreeSet::from([STRANGE]))).collect();
    for (table, items, _) in all.iter().filter_map(|duties| duties.table) {
        kinds.entry(table).or_insert_with(|| BTreeSet::from([STRANGE])).extend(items);
    }
    kinds
}

async fn wrongs_on_tables(
    cloud: &Cloud,
    intruder: &Intruder,
    duties: &Duties,
    kinds: &Kinds,
) -> anyhow::Result<Vec<String>> {
    let function = duties.function;
    let mut wrongs = Vec::new();
    for (table, kinds) in kinds {
        let name = cloud.name(table);
        let (items, verbs) = match duties.table {
            Some((own, items, verbs)) if own == *table => (items, verbs),
            _ => (&[][..], &[][..]),
        };
        let mut done = BTreeSet::new();
        for kind in kinds {
            let allowed = intruder.allowed(&name, kind).await?;
            match items.contains(kind) {
                true if allowed.is_empty() => {
                    wrongs.push(format!("{function} may do nothing with {kind} of {table}"));
                }
                true => done.extend(allowed),
                false if allowed.is_empty() => {}
                false => wrongs.push(format!("{function} may do {allowed:?} with {kind} of {table}")),
            }
        }
        let missing: Vec<_> = verbs.iter().filter(|verb| !done.contains(verb)).collect();
        if !missing.is_empty() {
            wrongs.push(format!("{function} may not do {missing:?} on {table}"));
        }
        if intruder.may_scan(&name).await? {
            wrongs.push(format!("{function} may scan {table}"));
        }
    }
    Ok(wrongs)
}

async fn wrongs_on_queues(
    cloud: &Cloud,
    intruder: &Intruder,
    duties: &Duties,
    queues: &[String],
) -> anyhow::Result<Vec<String>> {
    let mut wrongs = Vec::new();
    for queue in queues {
        let url = cloud.queue_url(queue).await?;
        let of_marketplace = MARKETPLACES.iter().any(|(name, _)| *queue == marketplaces::queue(cloud, name));
        let own = duties.queue && *queue == cloud.name(duties.function)
            || duties.of_marketplaces == Some(Part::IsFed) && of_marketplace;
        if own {
            // Receiving for real would take messages away from the function itself.
            if !permitted(intruder.sqs.get_queue_attributes().queue_url(&url).send().await)? {
                wrongs.push(format!("{} may not look at its own queue", duties.function));
            }
        } else if permitted(
            intruder.sqs.receive_message().queue_url(&url).visibility_timeout(0).send().await,
        )? {
            wrongs.push(format!("{} may receive from {queue}", duties.function));
        }
        // What cannot be published is parked there, by Lambda in the function's name: a probe would stay.
        let parks =
            duties.bus.is_some() && *queue == format!("{}{DEAD_LETTERS}", cloud.name(duties.function));
        // As there.
        let tells = duties.of_marketplaces == Some(Part::Sends) && of_marketplace;
        let mut probe = intruder.sqs.send_message().queue_url(&url).message_body("no message");
        if queue.ends_with(FIFO) {
            probe = probe.message_group_id("nobody").message_deduplication_id(Uuid::new_v4());
        }
        if !parks && !tells && permitted(probe.send().await)? {
            wrongs.push(format!("{} may send to {queue}", duties.function));
        }
    }
    Ok(wrongs)
}

async fn wrongs_elsewhere(
    cloud: &Cloud,
    intruder: &Intruder,
    duties: &Duties,
) -> anyhow::Result<Vec<String>> {
    let mut wrongs = Vec::new();
    for domain in DOMAINS {
        // No rule knows this source, so a permitted event reaches nobody.
        let probe = PutEventsRequestEntry::builder()
            .event_bus_name(cloud.name(domain.name()))
            .source("lakeside.nobody")
            .detail_type("Nothing")
            .detail("{}")
            .build();
        let allowed = permitted(intruder.events.put_events().entries(probe).send().await)?;
        if allowed != (duties.bus == Some(domain.name())) {
            let may = if allowed { "may" } else { "may not" };
            wrongs.push(format!("{} {may} publish on {domain}", duties.function));
        }
    }
    for (marketplace, _) in MARKETPLACES {
        let id = marketplaces::secret(cloud, marketplace);
        let allowed = permitted(intruder.secrets.get_secret_value().secret_id(id).send().await)?;
        if allowed != (duties.of_marketplaces == Some(Part::IsFed)) {
            let may = if allowed { "may" } else { "may not" };
            wrongs.push(format!("{} {may} read what opens {marketplace}", duties.function));
        }
    }
    let id = processor_key::secret(cloud);
    let reads = permitted(intruder.secrets.get_secret_value().secret_id(&id).send().await)?;
    if reads != duties.processor_key.is_some() {
        let may = if reads { "may" } else { "may not" };
        wrongs.push(format!("{} {may} read what opens the processor", duties.function));
    }
    // Nothing is at this stage, and there is no such version: a permitted request changes nothing.
    let moves = intruder.secrets.update_secret_version_stage().secret_id(&id).version_stage("NOTHING");
    let moves = permitted(moves.move_to_version_id(Uuid::new_v4()).send().await)?;
    if moves != (duties.processor_key == Some(Key::Rotates)) {
        let may = if moves { "may" } else { "may not" };
        wrongs.push(format!("{} {may} rotate what opens the processor", duties.function));
    }
    let nothing = cloud.execution_arn(Uuid::new_v4());
    let allowed = permitted(intruder.sfn.describe_execution().execution_arn(nothing).send().await)?;
    if allowed != duties.saga {
        let may = if allowed { "may" } else { "may not" };
        wrongs.push(format!("{} {may} look at sagas", duties.function));
    }
    if !duties.saga {
        let started = intruder
            .sfn
            .start_execution()
            .state_machine_arn(&cloud.state_machine_arn)
            .name(format!("intruder-{}", Uuid::new_v4()))
            .input("{}")
            .send()
            .await;
        if permitted(started)? {
            wrongs.push(format!("{} may start sagas", duties.function));
        }
    }
    Ok(wrongs)
}

#[tokio::test]
async fn each_role_does_its_own_work_and_is_denied_every_other() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let queues: Vec<String> = cloud.queue_depths().await?.into_keys().collect();
    let all = all_duties()?;
    let kinds = kinds(&all);
    for duties in all.iter().filter(|duties| duties.queue) {
        for queue in [cloud.name(duties.function), format!("{}{DEAD_LETTERS}", cloud.name(duties.function))] {
            assert!(queues.contains(&queue), "there is no queue {queue}");
        }
    }
    let wrongs: Vec<Vec<String>> = stream::iter(&all)
        .map(async |duties| {
            let intruder = Intruder::disguised_as(&cloud, duties.function).await?;
            let mut wrongs = wrongs_on_tables(&cloud, &intruder, duties, &kinds).await?;
            wrongs.extend(wrongs_on_queues(&cloud, &intruder, duties, &queues).await?);
            wrongs.extend(wrongs_elsewhere(&cloud, &intruder, duties).await?);
            anyhow::Ok(wrongs)
        })
        .buffer_unordered(4)
        .try_collect()
        .await?;
    assert_eq!(wrongs.concat(), Vec::<String>::new());
    Ok(())
}

/// What the functions that need the directory may read of it: a kind of items, and their attributes.
const READERS: [(&str, &str, &str, &[&str]); 2] = [
    ("notify-customer", "CUSTOMER#nobody", "CONTACT", &["email", "phone", "preferredChannel"]),
    ("create-label", "ADDRESS#nobody", "ADDRESS", &["name", "street", "city", "postalCode", "country"]),
];

/// Whether these attributes of an item of the directory may be read; all of them, if none are named.
async fn may_read(
    cloud: &Cloud,
    intruder: &Intruder,
    (pk, sk): (&str, &str),
    attributes: &[&str],
) -> anyhow::Result<bool> {
    let mut request = intruder
        .dynamodb
        .get_item()
        .table_name(cloud.name(table::DIRECTORY))
        .key("pk", AttributeValue::S(pk.into()))
        .key("sk", AttributeValue::S(sk.into()));
    let mut projection = Vec::new();
    for (position, attribute) in attributes.iter().enumerate() {
        request = request.expression_attribute_names(format!("#a{position}"), *attribute);
        projection.push(format!("#a{position}"));
    }
    if !projection.is_empty() {
        request = request.projection_expression(projection.join(", "));
    }
    permitted(request.send().await)
}

#[tokio::test]
async fn the_directory_is_read_by_those_who_need_it_and_only_what_they_need() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let directory = cloud.name(table::DIRECTORY);
    for duties in &all_duties()? {
        let intruder = Intruder::disguised_as(&cloud, duties.function).await?;
        let own = READERS.iter().find(|(function, ..)| *function == duties.function);
        for (_, pk, sk, attributes) in READERS {
            let expected = own.is_some_and(|(_, own, ..)| *own == pk);
            let allowed = may_read(&cloud, &intruder, (pk, sk), attributes).await?;
            assert_eq!(allowed, expected, "{} reading {attributes:?}", duties.function);
            assert!(!may_read(&cloud, &intruder, (pk, sk), &[]).await?, "{} reads it all", duties.function);
        }
        if let Some((_, own, _, attributes)) = own {
            for (_, pk, sk, _) in READERS.iter().filter(|(_, pk, ..)| pk != own) {
                let allowed = may_read(&cloud, &intruder, (pk, sk), attributes).await?;
                assert!(!allowed, "{} reads {attributes:?} of {pk}", duties.function);
            }
        }
        for kind in ["ADDRESS#", "CUSTOMER#", STRANGE] {
            let allowed = intruder.allowed(&directory, kind).await?;
            assert!(allowed.is_empty(), "{} may do {allowed:?} with {kind}", duties.function);
        }
        assert!(!intruder.may_scan(&directory).await?, "{} may scan the directory", duties.function);
    }
    Ok(())
}
