//! Customers with real accounts and real tokens.

use anyhow::Context;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    cloud::{Cloud, UserPool},
    directory::{Contact, enter},
};

const SERVICE: &str = "cognito-idp";

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The account's `sub`: how the rest of the platform refers to them.
    pub id: String,
    /// The mail address they sign in with, which the directory has too, and must appear nowhere else.
    pub email: String,
    /// Their ID token, valid for an hour.
    pub token: String,
    /// How the directory says they are reached.
    pub contact: Contact,
}

impl Customer {
    /// Opens an account in the customers' pool, enters the directory and signs in.
    ///
    /// # Errors
    /// If the pool refuses.
    pub async fn sign_up(cloud: &Cloud) -> anyhow::Result<Self> {
        Self::sign_up_in(cloud, &cloud.user_pool).await
    }

    /// The same, who prefers this channel: `EMAIL`, `SMS` or `NONE`.
    ///
    /// # Errors
    /// If the directory refuses.
    pub async fn preferring(mut self, cloud: &Cloud, channel: &'static str) -> anyhow::Result<Self> {
        self.contact.preferred_channel = channel;
        enter(cloud, &self.id, &self.contact).await?;
        Ok(self)
    }

    /// Opens an account in `pool` and signs in.
    ///
    /// # Errors
    /// If the pool refuses.
    pub async fn sign_up_in(cloud: &Cloud, pool: &UserPool) -> anyhow::Result<Self> {
        let email = format!("customer-{}@example.com", Uuid::new_v4().simple());
        let password = format!("Pw1!{}", Uuid::new_v4());
        let created = call(
            cloud,
            "AdminCreateUser",
            &json!({
                "UserPoolId": pool.id,
                "Username": email,
                "MessageAction": "SUPPRESS",
                "UserAttributes": [
                    { "Name": "email", "Value": email },
                    { "Name": "email_verified", "Value": "true" },
                ],
            }),
        )
        .await?;
        let id = attribute(&created, "sub").context("the new account has no `sub`")?;
        call(
            cloud,
            "AdminSetUserPassword",
            &json!({ "UserPoolId": pool.id, "Username": email, "Password": password, "Permanent": true }),
        )
        .await?;
        let token = sign_in(cloud, &pool.client_id, &email, &password).await?;
        let contact = Contact::at(&email);
        enter(cloud, &id, &contact).await?;
        Ok(Self { id, email, token, contact })
    }

    /// Opens an account in the customers' pool and signs in through a client whose tokens last one second.
    ///
    /// # Errors
    /// If the pool refuses.
    pub async fn with_short_lived_token(cloud: &Cloud) -> anyhow::Result<Self> {
        let client_id = new_client(
            cloud,
            &cloud.user_pool.id,
            &json!({ "IdTokenValidity": 1, "TokenValidityUnits": { "IdToken": "seconds" } }),
        )
        .await?;
        let pool = UserPool { id: cloud.user_pool.id.clone(), client_id };
        Self::sign_up_in(cloud, &pool).await
    }
}

/// A pool of somebody else's customers.
///
/// # Errors
/// If it cannot be created.
pub async fn foreign_pool(cloud: &Cloud) -> anyhow::Result<UserPool> {
    let name = format!("foreign-{}", Uuid::new_v4().simple());
    let created = call(cloud, "CreateUserPool", &json!({ "PoolName": name })).await?;
    let id =
        created.pointer("/UserPool/Id").and_then(Value::as_str).context("the new pool has no id")?.to_owned();
    let client_id = new_client(cloud, &id, &json!({})).await?;
    Ok(UserPool { id, client_id })
}

async fn new_client(cloud: &Cloud, pool_id: &str, settings: &Value) -> anyhow::Result<String> {
    let mut request = json!({
        "UserPoolId": pool_id,
        "ClientName": "lakeside-e2e",
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    });
    if let (Some(request), Some(settings)) = (request.as_object_mut(), settings.as_object()) {
        request.extend(settings.clone());
    }
    let created = call(cloud, "CreateUserPoolClient", &request).await?;
    let id = created.pointer("/UserPoolClient/ClientId").and_then(Value::as_str);
    id.map(str::to_owned).context("the new client has no id")
}

/// The one call that a customer's own client makes, so it is not signed.
async fn sign_in(cloud: &Cloud, client_id: &str, email: &str, password: &str) -> anyhow::Result<String> {
    let answer = cloud
        .http
        .post(&cloud.endpoint)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target("InitiateAuth"))
        .body(
            json!({
                "AuthFlow": "USER_PASSWORD_AUTH",
                "ClientId": client_id,
                "AuthParameters": { "USERNAME": email, "PASSWORD": password },
            })
            .to_string(),
        )
        .send()
        .await
        .context("the user pool does not answer")?
        .text()
        .await?;
    let signed_in: Value = serde_json::from_str(&answer).unwrap_or_default();
    let token = signed_in.pointer("/AuthenticationResult/IdToken").and_then(Value::as_str);
    token.map(str::to_owned).with_context(|| format!("signing in was answered `{answer}`"))
}

async fn call(cloud: &Cloud, action: &str, body: &Value) -> anyhow::Result<Value> {
    cloud.signed.json(SERVICE, &target(action), body).await.with_context(|| format!("{action} failed"))
}

fn target(action: &str) -> String {
    format!("AWSCognitoIdentityProviderService.{action}")
}

fn attribute(created: &Value, name: &str) -> Option<String> {
    let attributes = created.pointer("/User/Attributes")?.as_array()?;
    let found = attributes.iter().find(|attribute| attribute.get("Name").is_some_and(|n| n == name))?;
    found.get("Value")?.as_str().map(str::to_owned)
}
