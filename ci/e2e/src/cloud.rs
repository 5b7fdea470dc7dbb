//! A running cloud: its names, and clients for all that the tests and the demo look at.

use anyhow::Context;
use aws_config::{BehaviorVersion, Region, SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::time::SystemTimeSource;
use reqwest::Client;

use crate::{api::Api, sandbox::Sandbox, settings::Settings, signed::SignedCalls};

/// One deployment of Lakeside, seen from outside by its owner.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// What every name of this deployment begins with.
    pub prefix: String,
    /// Where AWS is.
    pub endpoint: String,
    /// Which of its Regions is meant.
    pub region: String,
    /// The public door.
    pub api: Api,
    /// The payment processor, the carrier and the marketplaces.
    pub sandbox: Sandbox,
    /// The saga.
    pub state_machine_arn: String,
    /// The customers' pool and the client they sign in with.
    pub user_pool: UserPool,
    /// Tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Buses, rules and archives.
    pub events: aws_sdk_eventbridge::Client,
    /// What opens marketplaces.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Topics.
    pub sns: aws_sdk_sns::Client,
    /// Executions of the saga.
    pub sfn: aws_sdk_sfn::Client,
    /// Everything else.
    pub signed: SignedCalls,
    /// Plain HTTP.
    pub http: Client,
    access_key_id: String,
    config: SdkConfig,
}

/// Where customers sign in.
#[derive(Debug, Clone)]
pub struct UserPool {
    /// The pool's id.
    pub id: String,
    /// The id of its client for the website and the app.
    pub client_id: String,
}

/// The squads' tables, by the end of their names.
pub mod table {
    /// Orders, submissions and prices.
    pub const ORDERS: &str = "orders";
    /// The customers' view of orders.
    pub const ORDER_STATUS: &str = "order-status";
    /// Pools, nodes, reservations and allocations.
    pub const INVENTORY: &str = "inventory";
    /// The view of stock.
    pub const STORE_STOCK: &str = "store-stock";
    /// Payments, labels, approvals and leases.
    pub const FULFILMENT: &str = "fulfilment";
    /// Points, notices, listings and leases.
    pub const GROWTH: &str = "growth";
    /// Partners, and the digests of their credentials.
    pub const PARTNERS: &str = "partners";
    /// All of them.
    pub const ALL: [&str; 7] = [ORDERS, ORDER_STATUS, INVENTORY, STORE_STOCK, FULFILMENT, GROWTH, PARTNERS];
    /// The platform's directory, which holds personal data and is no squad's.
    pub const DIRECTORY: &str = "directory";
}

impl Cloud {
    /// The cloud that the settings point at.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn open() -> anyhow::Result<Self> {
        Self::of(&Settings::load()?)
    }

    /// The cloud that these settings point at.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let endpoint = settings.get("AWS_ENDPOINT_URL")?;
        let region = settings.get("AWS_REGION")?;
        let access_key_id = settings.get("AWS_ACCESS_KEY_ID")?;
        let credentials = Credentials::new(
            &access_key_id,
            settings.get("AWS_SECRET_ACCESS_KEY")?,
            None,
            None,
            "lakeside-settings",
        );
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .endpoint_url(&endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .time_source(SystemTimeSource::new())
            .build();
        // A proxy that is meant for the world outside must not come between a machine and itself.
        let http = Client::builder().no_proxy().build().context("cannot set up an HTTP client")?;
        Ok(Self {
            prefix: settings.get("LAKESIDE_PREFIX")?,
            api: Api::new(http.clone(), settings.get("LAKESIDE_API_URL")?),
            sandbox: Sandbox::new(http.clone(), settings.get("LAKESIDE_SANDBOX_URL")?),
            state_machine_arn: settings.get("LAKESIDE_STATE_MACHINE_ARN")?,
            user_pool: UserPool {
                id: settings.get("LAKESIDE_USER_POOL_ID")?,
                client_id: settings.get("LAKESIDE_USER_POOL_CLIENT_ID")?,
            },
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            events: aws_sdk_eventbridge::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
            signed: SignedCalls::new(http.clone(), endpoint.clone(), region.clone(), credentials),
            endpoint,
            region,
            http,
            access_key_id,
            config,
        })
    }

    /// Another Region of the same cloud, where nothing of this deployment need be yet.
    pub fn in_region(&self, region: &str) -> SignedCalls {
        self.signed.in_region(region)
    }

    /// The full name of a table, queue, bus, function or role.
    pub fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.prefix)
    }

    /// Tells this process's own calls from those of functions.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// This cloud's configuration with the rights of the role instead of its owner's.
    pub async fn assume(&self, role_arn: &str) -> SdkConfig {
        let provider = AssumeRoleProvider::builder(role_arn)
            .session_name("lakeside-e2e")
            .configure(&self.config)
            .build()
            .await;
        self.config.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
    }
}
