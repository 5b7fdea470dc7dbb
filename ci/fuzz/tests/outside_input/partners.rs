//! What partners show at the door, and what they put there.

use aws_lambda_events::apigw::ApiGatewayCustomAuthorizerRequest;
use futures::executor::block_on;
use lakeside_domain::{
    ids::{CustomerId, NodeId, OrderId, PartnerId},
    order::Channel,
    partner::Role,
};
use lakeside_kit::memory::ManualClock;
use lakeside_orders::{
    authorize_partner::{PartnerRecord, handle},
    memory::MemoryPartners,
    order_ingest,
};
use proptest::{option, prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{
    api::{mostly, priced_by_us, submission},
    batch::{GOOD, ODD, batch, events_fit, refused},
    corpus::{ORDER, OTHER_ORDER, PARTNERS_DOOR, contract},
    explore::explore,
    mutation::{mutated, mutations, texts},
    orders_ports::OrdersTable,
};

const STAGE: &str = "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/live";
const SECRET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM-_01";
/// SHA-256 of `acme.` and the secret.
const DIGEST: &str = "a87727c4b22773bebd4cdfe6205a47d261267ae15ebb75bdb6a7c5b32fab4a8f";
const PATHS: [&str; 3] = ["PUT/partner/orders/*", "GET/partner/orders/*", "PUT/partner/sales/*"];

/// A table with one partner.
fn partners(role: &Role) -> MemoryPartners {
    let table = MemoryPartners::default();
    table.put(PartnerRecord {
        partner_id: PartnerId::parse("acme").unwrap(),
        role: role.clone(),
        credential_digests: vec!["0".repeat(64), DIGEST.to_owned()],
    });
    table
}

fn roles() -> impl Strategy<Value = Role> {
    let store = Role::Store { node: NodeId::parse("store-07").unwrap() };
    prop::sample::select(vec![Role::Marketplace, store])
}

/// The right header, one in which a single character is another, or anything.
fn headers() -> impl Strategy<Value = String> {
    let right = format!("Bearer acme.{SECRET}");
    let nearly = right.clone();
    prop_oneof![
        2 => Just(right.clone()),
        3 => (any::<Index>(), any::<char>()).prop_map(move |(at, other)| {
            let mut characters: Vec<char> = nearly.chars().collect();
            let at = at.index(characters.len());
            characters[at] = other;
            characters.into_iter().collect()
        }),
        1 => (texts(), any::<bool>())
            .prop_map(move |(t, front)| if front { t + &right } else { right.clone() + &t }),
        1 => "Bearer [a-z][a-z0-9-]{1,31}\\.[A-Za-z0-9_-]{43}",
        1 => texts(),
    ]
}

#[test]
fn a_header_opens_what_its_partner_may_do_or_nothing_and_is_not_repeated() {
    let methods = prop_oneof![
        3 => prop::sample::select(&PATHS[..]).prop_map(|path| format!("{STAGE}/{path}")),
        1 => texts().prop_map(|text| format!("{STAGE}/GET/{text}")),
        1 => texts().prop_map(|text| format!("arn:aws:execute-api:eu-central-1:111122223333:{text}/live/GET/x")),
        1 => texts().prop_map(|text| format!("arn:aws:execute-api:eu-central-1:111122223333:abc/{text}/GET/x")),
        1 => texts(),
    ];
    let inputs = (headers(), methods, roles(), mutations(), 0..4_u8);
    explore(15_000, &inputs, |(header, method, role, mutations, mutate)| {
        let request = json!({"type": "TOKEN", "authorizationToken": header, "methodArn": method});
        // What API Gateway would never send fails the invocation.
        let text = if mutate == 0 { mutated(&request, &mutations) } else { request.to_string() };
        let Ok(request) = serde_json::from_str::<ApiGatewayCustomAuthorizerRequest>(&text) else {
            return Ok(());
        };
        let (header, method) = (request.authorization_token.clone(), request.method_arn.clone());
        let Ok(answer) = block_on(handle(&partners(&role), request)) else {
            let own = method.is_some_and(|method| method.starts_with(&format!("{STAGE}/")));
            prop_assert!(!own, "the door's own method was not answered");
            return Ok(());
        };
        let answer = serde_json::to_value(answer).unwrap();
        let statement = &answer["policyDocument"]["Statement"][0];
        prop_assert_eq!(answer["policyDocument"]["Statement"].as_array().map(Vec::len), Some(1));
        let right = header.as_deref() == Some(&format!("Bearer acme.{SECRET}"));
        prop_assert_eq!(statement["Effect"].as_str(), Some(if right { "Allow" } else { "Deny" }));
        prop_assert!(!answer.to_string().contains(SECRET) && !answer.to_string().contains(DIGEST));

        let method = method.unwrap();
        let stage: String = method.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
        prop_assert!(!stage.contains('*') && !stage.contains('?'));
        let paths: Vec<&str> = if right {
            let count = if role.store().is_some() { 3 } else { 2 };
            PATHS.into_iter().take(count).collect()
        } else {
            vec!["*"]
        };
        let expected: Vec<String> = paths.iter().map(|path| format!("{stage}/{path}")).collect();
        prop_assert_eq!(&statement["Resource"], &json!(expected));
        prop_assert_eq!(answer["usageIdentifierKey"].is_string(), right);
        prop_assert_eq!(answer["principalId"].as_str(), Some(if right { "partner-acme" } else { "nobody" }));
        if right {
            let node = role.store().map(|node| json!(node.as_str())).unwrap_or_default();
            prop_assert_eq!(&answer["context"]["node"], &node);
            prop_assert_eq!(&answer["context"]["channel"], role.channel().name());
        } else {
            prop_assert_eq!(answer.get("context"), None);
        }
        Ok(())
    });
}

#[test]
fn a_partner_s_submission_becomes_a_record_in_its_channel_or_is_reported() {
    let example = &contract("PlacePartnerOrder").example;
    let channels = prop_oneof![
        4 => prop::sample::select(&Channel::ALL[..]).prop_map(|channel| Some(channel.name().to_owned())),
        1 => option::of(texts()),
    ];
    let inputs = (mutations(), mostly(ORDER), mostly("partner-acme"), channels, any::<bool>());
    explore(8_000, &inputs, |(mutations, order_id, principal, channel, good_first)| {
        let body = mutated(example, &mutations);
        let table = OrdersTable::default();
        let clock = ManualClock::at(1_795_770_060_000);
        let mut good = submission(GOOD, Some(OTHER_ORDER), Some("partner-bolt"), example.to_string());
        good.attributes.insert("channel".into(), "store".into());
        let mut odd = submission(ODD, order_id.as_deref(), principal.as_deref(), body.clone());
        odd.attributes.extend(channel.clone().map(|channel| ("channel".to_owned(), channel)));
        let batch = batch(good, odd, good_first);
        let failed = refused(&block_on(order_ingest::handle(&table, &clock, &(), &batch)))?;

        let first = OrderId::parse(OTHER_ORDER).unwrap();
        let placed = table.records.borrow()[&first].order.clone();
        prop_assert_eq!(placed.map(|order| order.channel), Some(Channel::Store));
        priced_by_us(&table)?;
        events_fit(&table.published.borrow())?;

        let order_id = order_id.as_deref().and_then(|id| OrderId::parse(id).ok());
        let principal = principal.as_deref().and_then(|p| CustomerId::parse(p).ok());
        let records = table.records.borrow();
        let record = order_id.filter(|id| *id != first).and_then(|id| records.get(&id));
        let of_partners = Channel::PARTNERS.into_iter().find(|c| Some(c.name()) == channel.as_deref());
        if let Some(order) = record.and_then(|record| record.order.as_ref()) {
            // Without the attribute it is a customer's, whose body must name a channel of ours.
            let ours = channel.is_none() && Channel::OWN.contains(&order.channel);
            prop_assert!(Some(order.channel) == of_partners || ours);
        }
        if principal.is_some() && order_id.is_some() && channel.is_some() {
            prop_assert_eq!(failed, record.is_none());
            let parsed = serde_json::from_str::<Value>(&body).ok();
            let past_the_door = parsed.is_some_and(|body| PARTNERS_DOOR.is_valid(&body));
            prop_assert!(
                !(failed && past_the_door && of_partners.is_some()),
                "lost what the door let through"
            );
        }
        Ok(())
    });
}
