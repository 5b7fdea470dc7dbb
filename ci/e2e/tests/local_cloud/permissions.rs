//! Every function may do its own work and nothing of another's: its role is assumed, and each is tried.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{AttributeValue, KeysAndAttributes},
};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use futures::{StreamExt, TryStreamExt, stream};
use lakeside_e2e::{
    capture::DOMAINS,
    cloud::{Cloud, table},
    consumers,
    marketplaces::{self, MARKETPLACES},
    queues::{DEAD_LETTERS, FIFO},
};
use serde_json::Value;
use uuid::Uuid;

/// What a function may do.
#[derive(Clone, Copy)]
struct Duties {
    function: &'static str,
    /// Its table and what it does there.
    table: Option<(&'static str, &'static [Verb])>,
    /// Whether it is fed by a queue of its own name.
    queue: bool,
    /// What it has to do with the queues of the marketplaces.
    of_marketplaces: Option<Part>,
    /// The bus it publishes on.
    bus: Option<&'static str>,
    /// Whether it starts sagas.
    saga: bool,
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
    Scan,
}

const VERBS: [Verb; 7] =
    [Verb::Get, Verb::BatchGet, Verb::Put, Verb::Update, Verb::Delete, Verb::Query, Verb::Scan];

const fn function(function: &'static str) -> Duties {
    Duties { function, table: None, queue: false, of_marketplaces: None, bus: None, saga: false }
}

const fn fed(duties: Duties) -> Duties {
    Duties { queue: true, ..duties }
}

const fn on(duties: Duties, table: &'static str, verbs: &'static [Verb]) -> Duties {
    Duties { table: Some((table, verbs)), ..duties }
}

const DUTIES: [Duties; 31] = [
    fed(on(function("order-ingest"), table::ORDERS, &[Verb::Put])),
    fed(on(function("cancel-order"), table::ORDERS, &[Verb::Get, Verb::Put])),
    fed(on(function("advance-order"), table::ORDERS, &[Verb::Get, Verb::Put])),
    fed(on(function("order-status"), table::ORDER_STATUS, &[Verb::Update])),
    on(function("order-query"), table::ORDER_STATUS, &[Verb::Get]),
    on(function("authorize-partner"), table::PARTNERS, &[Verb::Get]),
    on(function("customer-orders"), table::ORDER_STATUS, &[Verb::BatchGet]),
    fed(on(function("reserve-stock"), table::INVENTORY, &[])),
    on(function("release-stock"), table::INVENTORY, &[]),
    on(function("allocate"), table::INVENTORY, &[]),
    on(function("sweep-reservations"), table::INVENTORY, &[]),
    Duties { bus: Some("inventory"), ..on(function("publish-levels"), table::INVENTORY, &[Verb::Query]) },
    fed(on(function("project-store-stock"), table::STORE_STOCK, &[Verb::Put])),
    on(function("stock-query"), table::STORE_STOCK, &[Verb::Query]),
    fed(on(function("adjust-stock"), table::INVENTORY, &[])),
    on(function("reconcile-stock"), table::INVENTORY, &[]),
    fed(Duties { saga: true, ..on(function("start-fulfilment"), table::FULFILMENT, &[Verb::Get]) }),
    fed(Duties { saga: true, ..function("recover-fulfilment") }),
    fed(on(function("cancel-fulfilment"), table::FULFILMENT, &[Verb::Put, Verb::Update])),
    fed(on(function("capture-payment"), table::FULFILMENT, &[])),
    fed(on(function("refund-payment"), table::FULFILMENT, &[])),
    on(function("create-label"), table::FULFILMENT, &[]),
    on(function("void-label"), table::FULFILMENT, &[]),
    fed(on(function("accrue-loyalty"), table::GROWTH, &[Verb::Get, Verb::Put, Verb::Update])),
    fed(on(function("notify-customer"), table::GROWTH, &[Verb::Get, Verb::Put, Verb::Delete, Verb::Query])),
    fed(Duties { of_marketplaces: Some(Part::Sends), ..function("route-stock") }),
    Duties {
        of_marketplaces: Some(Part::IsFed),
        ..on(function("publish-stock"), table::GROWTH, &[Verb::Get, Verb::Put, Verb::Delete])
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
        duties.push(fed(on(function(name), name, &[])));
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

    /// Tries one action on a key that does not exist, under a condition that fails if the action is allowed.
    async fn may(&self, verb: Verb, table: &str) -> anyhow::Result<bool> {
        let pk = || AttributeValue::S("ORDER#nobody".into());
        let sk = || AttributeValue::S("nothing".into());
        let dynamodb = &self.dynamodb;
        let exists = "attribute_exists(pk)";
        match verb {
            Verb::Get => {
                permitted(dynamodb.get_item().table_name(table).key("pk", pk()).key("sk", sk()).send().await)
            }
            Verb::BatchGet => {
                let key = [("pk".to_owned(), pk()), ("sk".to_owned(), sk())].into();
                let keys = KeysAndAttributes::builder().keys(key).build()?;
                permitted(dynamodb.batch_get_item().request_items(table, keys).send().await)
            }
            Verb::Put => permitted(
                dynamodb
                    .put_item()
                    .table_name(table)
                    .item("pk", pk())
                    .item("sk", sk())
                    .condition_expression(exists)
                    .send()
                    .await,
            ),
            Verb::Update => permitted(
                dynamodb
                    .update_item()
                    .table_name(table)
                    .key("pk", pk())
                    .key("sk", sk())
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
                    .key("pk", pk())
                    .key("sk", sk())
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
            Verb::Scan => permitted(dynamodb.scan().table_name(table).limit(1).send().await),
        }
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
        Some("ConditionalCheckFailedException" | "ExecutionDoesNotExist") => Ok(true),
        _ => bail!(anyhow::Error::new(error).context("neither permitted nor denied")),
    }
}

async fn wrongs_on_tables(
    cloud: &Cloud,
    intruder: &Intruder,
    duties: &Duties,
    tables: &[&str],
) -> anyhow::Result<Vec<String>> {
    let mut wrongs = Vec::new();
    for table in tables.iter().copied() {
        let mut allowed = BTreeSet::new();
        for verb in VERBS {
            if intruder.may(verb, &cloud.name(table)).await? {
                allowed.insert(verb);
            }
        }
        match duties.table {
            Some((own, verbs)) if own == table => {
                let missing: Vec<_> = verbs.iter().filter(|verb| !allowed.contains(verb)).collect();
                // A function with duties on a table that are not single actions must be able to do something.
                if !missing.is_empty() || allowed.is_empty() {
                    wrongs.push(format!("{} may not do {missing:?} on {table}", duties.function));
                }
                if allowed.contains(&Verb::Scan) {
                    wrongs.push(format!("{} may scan {table}", duties.function));
                }
            }
            _ if allowed.is_empty() => {}
            _ => wrongs.push(format!("{} may do {allowed:?} on {table}", duties.function)),
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
    let tables: BTreeSet<&str> =
        all.iter().filter_map(|duties| Some(duties.table?.0)).chain(table::ALL).collect();
    let tables: Vec<&str> = tables.into_iter().collect();
    for duties in all.iter().filter(|duties| duties.queue) {
        for queue in [cloud.name(duties.function), format!("{}{DEAD_LETTERS}", cloud.name(duties.function))] {
            assert!(queues.contains(&queue), "there is no queue {queue}");
        }
    }
    let wrongs: Vec<Vec<String>> = stream::iter(&all)
        .map(async |duties| {
            let intruder = Intruder::disguised_as(&cloud, duties.function).await?;
            let mut wrongs = wrongs_on_tables(&cloud, &intruder, duties, &tables).await?;
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
            // The emulator does not tell partition keys apart; the attributes differ, and these it does.
            let expected = own.is_some_and(|(_, own, ..)| *own == pk);
            let allowed = may_read(&cloud, &intruder, (pk, sk), attributes).await?;
            assert_eq!(allowed, expected, "{} reading {attributes:?}", duties.function);
            assert!(!may_read(&cloud, &intruder, (pk, sk), &[]).await?, "{} reads it all", duties.function);
        }
        for verb in VERBS.into_iter().filter(|verb| *verb != Verb::Get) {
            assert!(!intruder.may(verb, &directory).await?, "{} may do {verb:?}", duties.function);
        }
    }
    Ok(())
}
