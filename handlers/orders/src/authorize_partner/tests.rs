use std::io;

use lakeside_domain::ids::NodeId;
use serde_json::{Value, json};

use super::*;
use crate::memory::MemoryPartners;

const STAGE: &str = "arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/live";
const SECRET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM-_01";
const OTHER_SECRET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM-_02";

fn store() -> Role {
    Role::Store { node: NodeId::parse("store-07").unwrap() }
}

/// A table in which each of these partners has these credentials.
fn table(partners: &[(&str, Role, &[&str])]) -> MemoryPartners {
    let table = MemoryPartners::default();
    for (id, role, secrets) in partners {
        table.put(PartnerRecord {
            partner_id: PartnerId::parse(id).unwrap(),
            role: role.clone(),
            credential_digests: secrets.iter().map(|secret| digest(&format!("{id}.{secret}"))).collect(),
        });
    }
    table
}

fn request(header: &str, method: &str) -> ApiGatewayCustomAuthorizerRequest {
    let request = json!({
        "type": "TOKEN", "authorizationToken": header, "methodArn": format!("{STAGE}/{method}"),
    });
    serde_json::from_value(request).unwrap()
}

async fn ask(table: &MemoryPartners, header: &str) -> Value {
    let answer = handle(table, request(header, "GET/partner/orders/1")).await.unwrap();
    serde_json::to_value(answer).unwrap()
}

fn effect(answer: &Value) -> &str {
    answer["policyDocument"]["Statement"][0]["Effect"].as_str().unwrap()
}

#[tokio::test]
async fn a_partner_is_admitted_to_its_orders_whichever_method_it_calls_first() {
    let table = table(&[("acme", Role::Marketplace, &[SECRET])]);
    let mut answers = Vec::new();
    for method in ["GET/partner/orders/1", "PUT/partner/orders/2", "PUT/partner/sales/3", "DELETE/x"] {
        answers.push(handle(&table, request(&format!("Bearer acme.{SECRET}"), method)).await.unwrap());
    }
    answers.dedup();
    let [answer] = answers.as_slice() else { panic!("one answer for all: {answers:?}") };
    assert_eq!(
        serde_json::to_value(answer).unwrap(),
        json!({
            "principalId": "partner-acme",
            "policyDocument": { "Version": "2012-10-17", "Statement": [{
                "Action": ["execute-api:Invoke"],
                "Effect": "Allow",
                "Resource": [
                    format!("{STAGE}/PUT/partner/orders/*"),
                    format!("{STAGE}/GET/partner/orders/*"),
                ],
            }] },
            "context": { "channel": "marketplace" },
            "usageIdentifierKey": digest("abcdef1234/acme"),
        })
    );
}

#[tokio::test]
async fn a_store_also_records_sales_of_its_own_node() {
    let table = table(&[("store-seven", store(), &[SECRET])]);
    let answer = ask(&table, &format!("Bearer store-seven.{SECRET}")).await;
    let resources = answer["policyDocument"]["Statement"][0]["Resource"].as_array().unwrap();
    assert!(resources.contains(&format!("{STAGE}/PUT/partner/sales/*").into()), "{resources:?}");
    assert_eq!(resources.len(), 3);
    assert_eq!(answer["context"], json!({ "channel": "store", "node": "store-07" }));
}

#[tokio::test]
async fn a_credential_that_opens_nothing_is_refused_everything() {
    let table = table(&[
        ("acme", Role::Marketplace, &[SECRET]),
        ("bolt", Role::Marketplace, &[OTHER_SECRET]),
        ("ended", Role::Marketplace, &[]),
    ]);
    let digest_for_a_credential = digest(&format!("acme.{SECRET}"));
    for header in [
        String::new(),
        SECRET.into(),
        format!("acme.{SECRET}"),
        format!("Basic acme.{SECRET}"),
        format!("bearer acme.{SECRET}"),
        format!("Bearer  acme.{SECRET}"),
        format!("Bearer acme.{SECRET} "),
        format!("Bearer acme.{SECRET}x"),
        format!("Bearer Acme.{SECRET}"),
        format!("Bearer acme.{}", &SECRET[1..]),
        format!("Bearer acme.{OTHER_SECRET}"),
        format!("Bearer bolt.{SECRET}"),
        format!("Bearer ended.{SECRET}"),
        format!("Bearer nobody.{SECRET}"),
        format!("Bearer .{SECRET}"),
        "Bearer acme.".into(),
        "Bearer acme".into(),
        format!("Bearer acme.{}", &digest_for_a_credential[..SECRET_LENGTH]),
        format!("Bearer acme#x.{SECRET}"),
        format!("Bearer acme.{}é", &SECRET[2..]),
    ] {
        let answer = ask(&table, &header).await;
        assert_eq!(
            answer,
            json!({
                "principalId": "nobody",
                "policyDocument": { "Version": "2012-10-17", "Statement": [{
                    "Action": ["execute-api:Invoke"], "Effect": "Deny", "Resource": [format!("{STAGE}/*")],
                }] },
            }),
            "{header}"
        );
    }
}

#[tokio::test]
async fn what_is_no_credential_is_refused_without_asking_who_it_is_of() {
    let table = table(&[("acme", Role::Marketplace, &[SECRET])]);
    table.trouble.down.set(true);
    for header in [
        String::new(),
        format!("Basic acme.{SECRET}"),
        format!("Bearer acme{SECRET}"),
        format!("Bearer Acme.{SECRET}"),
        format!("Bearer acme.{SECRET}x"),
        format!("Bearer acme.{}", &SECRET[1..]),
        format!("Bearer acme.{}+", &SECRET[1..]),
    ] {
        assert_eq!(effect(&ask(&table, &header).await), "Deny", "{header}");
    }
}

#[tokio::test]
async fn while_a_credential_is_replaced_both_open_the_door_and_afterwards_the_new_one_alone() {
    let both = table(&[("acme", Role::Marketplace, &[SECRET, OTHER_SECRET])]);
    for secret in [SECRET, OTHER_SECRET] {
        assert_eq!(effect(&ask(&both, &format!("Bearer acme.{secret}")).await), "Allow");
    }
    let one = table(&[("acme", Role::Marketplace, &[OTHER_SECRET])]);
    assert_eq!(effect(&ask(&one, &format!("Bearer acme.{SECRET}")).await), "Deny");
    assert_eq!(effect(&ask(&one, &format!("Bearer acme.{OTHER_SECRET}")).await), "Allow");
}

#[tokio::test]
async fn a_record_under_another_s_key_admits_nobody() {
    let table = table(&[("acme", Role::Marketplace, &[SECRET])]);
    let record = table.partners.borrow().values().next().cloned().unwrap();
    table.partners.borrow_mut().insert(
        PartnerId::parse("bolt").unwrap(),
        PartnerRecord { credential_digests: vec![digest(&format!("bolt.{SECRET}"))], ..record },
    );
    assert_eq!(effect(&ask(&table, &format!("Bearer bolt.{SECRET}")).await), "Deny");
}

#[tokio::test]
async fn a_method_that_would_widen_the_answer_is_not_answered() {
    let table = table(&[("acme", Role::Marketplace, &[SECRET])]);
    let mut request = request(&format!("Bearer acme.{SECRET}"), "GET/x");
    for method_arn in [
        None,
        Some(""),
        Some("*"),
        Some("arn:aws:execute-api:eu-central-1:111122223333:abcdef1234"),
        Some("arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/live"),
        Some("arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/*/GET/x"),
        Some("arn:aws:execute-api:eu-central-1:111122223333:*/live/GET/x"),
        Some("arn:aws:execute-api:*:111122223333:abcdef1234/live/GET/x"),
        Some("arn:aws:execute-api:eu-central-1:111122223333:abcdef1234//GET/x"),
        Some("aws:execute-api:eu-central-1:111122223333:abcdef1234/live/GET/x"),
        Some("arn:aws:lambda:eu-central-1:111122223333:abcdef1234/live/GET/x"),
    ] {
        request.method_arn = method_arn.map(str::to_owned);
        let error = handle(&table, request.clone()).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::Park, "{method_arn:?}");
    }
}

#[tokio::test]
async fn a_table_that_does_not_answer_refuses_nobody_and_admits_nobody() {
    let table = table(&[("acme", Role::Marketplace, &[SECRET])]);
    table.trouble.down.set(true);
    let error = handle(&table, request(&format!("Bearer acme.{SECRET}"), "GET/x")).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry);
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_answer_nor_log_repeats_a_credential() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let table = table(&[("acme", Role::Marketplace, &[SECRET])]);
    for header in
        [format!("Bearer acme.{SECRET}"), format!("Bearer bolt.{SECRET}"), format!("Basic acme.{SECRET}")]
    {
        assert!(!ask(&table, &header).await.to_string().contains(SECRET));
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("partner admitted") && log.contains("credential refused"), "{log}");
    assert!(!log.contains(SECRET) && !log.contains(&digest(&format!("acme.{SECRET}"))), "{log}");
}
