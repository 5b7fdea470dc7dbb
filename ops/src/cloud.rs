//! The caller's cloud: AWS, or what `AWS_ENDPOINT_URL` names.

use std::{collections::BTreeMap, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use lakeside_deploy::signed::SignedCalls;
use serde_json::{Value, json};

use crate::{
    environment::{Environment, by_squad},
    failure::{Failure, Result},
};

/// Whom the caller means.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What the names of the installation begin with.
    pub prefix: String,
    /// The Region, if not the environment's.
    pub region: Option<String>,
    /// The profile, if not the environment's.
    pub profile: Option<String>,
}

/// One installation, and clients for all that operations do with it.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// What there is.
    pub environment: Environment,
    /// Tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Buses.
    pub events: aws_sdk_eventbridge::Client,
    /// The saga.
    pub sfn: aws_sdk_sfn::Client,
    /// Where AWS is, if not where it usually is.
    pub endpoint: Option<String>,
    /// The door.
    pub http: reqwest::Client,
    /// Where somebody answers, and be it with a refusal.
    pub address: String,
    /// Everything else.
    pub signed: SignedCalls,
}

impl Cloud {
    /// Finds the installation.
    ///
    /// # Errors
    /// If there are no credentials, the cloud does not answer, or there is no such installation.
    pub async fn open(selection: &Selection) -> Result<Self> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build());
        if let Some(region) = &selection.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &selection.profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;
        let signed = SignedCalls::of(&config).await.map_err(|error| {
            Failure::unreachable(format!(
                "{error:#}; on the local cloud: `. .local/lakeside.env`, on AWS: set AWS_PROFILE and AWS_REGION"
            ))
        })?;
        // A proxy that is meant for the world outside must not come between a machine and itself.
        let http = match config.endpoint_url() {
            Some(_) => reqwest::Client::builder().no_proxy().build(),
            None => reqwest::Client::builder().build(),
        };
        let http = http.map_err(|error| Failure::wrong(format!("cannot set up an HTTP client: {error}")))?;
        Ok(Self {
            environment: find(&signed, &selection.prefix).await?,
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            events: aws_sdk_eventbridge::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
            endpoint: config.endpoint_url().map(str::to_owned),
            http,
            address: address(&config),
            signed,
        })
    }

    /// Every item of one partition.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn partition(&self, table: &str, pk: &str) -> Result<Vec<Value>> {
        let what = || format!("cannot read {pk} in the table {table}");
        let mut pages = self
            .dynamodb
            .query()
            .table_name(self.environment.table(table)?)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.into()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| Failure::call(&what(), &error))?;
            let item = serde_dynamo::from_item(item);
            items.push(item.map_err(|error| Failure::wrong(format!("{}: {error}", what())))?);
        }
        Ok(items)
    }
}

fn address(config: &SdkConfig) -> String {
    let region = config.region().map(Region::as_ref).unwrap_or_default();
    config.endpoint_url().map_or_else(|| format!("https://sts.{region}.amazonaws.com/"), str::to_owned)
}

async fn find(signed: &SignedCalls, prefix: &str) -> Result<Environment> {
    let platform = json!({ "Name": format!("/{prefix}/platform/v1") });
    let platform = signed.json("ssm", "AmazonSSM.GetParameter", &platform).await.map_err(|error| {
        let failure = Failure::signed(&format!("cannot find the platform `{prefix}`"), &error);
        let hint = "; say which installation is meant with --prefix, and which Region with --region";
        Failure { sentence: failure.sentence + hint, ..failure }
    })?;
    let platform = platform.pointer("/Parameter/Value").and_then(Value::as_str).unwrap_or_default();
    let mut request = json!({ "Path": format!("/{prefix}/operations"), "Recursive": true, "MaxResults": 10 });
    let mut squads = BTreeMap::new();
    loop {
        let page = signed.json("ssm", "AmazonSSM.GetParametersByPath", &request).await;
        let page =
            page.map_err(|error| Failure::signed("cannot read what operations may look at", &error))?;
        squads.extend(by_squad(&page));
        match (page.get("NextToken").filter(|token| token.is_string()), request.as_object_mut()) {
            (Some(token), Some(request)) => {
                request.insert("NextToken".into(), token.clone());
            }
            _ => return Environment::read(platform, &squads),
        }
    }
}
