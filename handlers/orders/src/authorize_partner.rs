//! Tells the door who a partner is and what it may do there.
//!
//! Consumes: requests of API Gateway for every credential that it does not remember: the `Authorization` header, and the
//! ARN of the method that is called.
//! Emits: nothing.
//! Idempotency key: none, for it only reads.
//! Retries: nothing. If the table does not answer, the door answers 503 and remembers nothing.
//! Parks: nothing. A credential that opens nothing is refused, which is an answer.
//!
//! API Gateway remembers the answer for as long as the door says, for every method that the partner calls with the
//! credential. So the answer is about all of them, and about nothing else.

use std::collections::BTreeMap;

use aws_lambda_events::{
    apigw::{ApiGatewayCustomAuthorizerPolicy, ApiGatewayCustomAuthorizerRequest},
    iam::{IamPolicyEffect, IamPolicyStatement},
};
use lakeside_domain::{ids::PartnerId, partner::Role};
use lakeside_kit::{
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Characters of a credential's secret part: 32 bytes in base64url, without padding.
const SECRET_LENGTH: usize = 43;

/// What is known of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartnerRecord {
    /// Which one.
    pub partner_id: PartnerId,
    /// What it is to us.
    pub role: Role,
    /// SHA-256 in hex of each credential that opens the door: several while one takes the place of another, none for
    /// a partner whose contract has ended.
    #[serde(default)]
    pub credential_digests: Vec<String>,
}

/// The partners' table.
pub trait Partners {
    /// What is known of a partner, read consistently.
    async fn find(&self, id: &PartnerId) -> Result<Option<PartnerRecord>, StoreError>;
}

/// What API Gateway is told. The type of `aws_lambda_events` writes `null` where there is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Who it is, as the rest of the platform refers to them.
    pub principal_id: String,
    /// What they may call.
    pub policy_document: ApiGatewayCustomAuthorizerPolicy,
    /// What the door puts beside what they send.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<&'static str, String>,
    /// The API key by which their plan counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_identifier_key: Option<String>,
}

/// Why API Gateway cannot be told anything.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The request is not about a method of an API.
    #[error("the request names no method of an API")]
    Method,
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for AuthorizeError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Method => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles one request.
///
/// # Errors
/// [`AuthorizeError`] if it makes no sense or the table does not answer; the client gets a 503 without details.
pub async fn handle(
    partners: &impl Partners,
    request: ApiGatewayCustomAuthorizerRequest,
) -> Result<Answer, AuthorizeError> {
    let door = request.method_arn.as_deref().and_then(Door::read).ok_or(AuthorizeError::Method)?;
    let Some(credential) = request.authorization_token.as_deref().and_then(Credential::read) else {
        tracing::warn!("something that is no credential was refused");
        return Ok(door.refuse());
    };
    let partner = partners.find(&credential.partner_id).await?;
    let partner_id = credential.partner_id.as_str();
    let Some(partner) = partner.filter(|partner| credential.opens_for(partner)) else {
        tracing::warn!(partner_id, "credential refused");
        return Ok(door.refuse());
    };
    tracing::info!(partner_id, "partner admitted");
    Ok(door.admit(&partner))
}

/// A credential, of which nothing is kept but who it says it is of, and its digest.
struct Credential {
    partner_id: PartnerId,
    digest: String,
}

impl Credential {
    /// Reads `Bearer <partner id>.<secret>`.
    fn read(header: &str) -> Option<Self> {
        let credential = header.strip_prefix("Bearer ")?;
        let (partner_id, secret) = credential.split_once('.')?;
        let is_secret = secret.len() == SECRET_LENGTH
            && secret.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let partner_id = PartnerId::parse(partner_id).ok().filter(|_| is_secret)?;
        Some(Self { partner_id, digest: digest(credential) })
    }

    /// Whether the partner has this credential. Takes as long whichever of them it is and wherever it differs.
    fn opens_for(&self, partner: &PartnerRecord) -> bool {
        let own = |known: &String| self.digest.as_bytes().ct_eq(known.as_bytes());
        let known = partner.credential_digests.iter().map(own).fold(Choice::from(0), |any, this| any | this);
        bool::from(known) && partner.partner_id == self.partner_id
    }
}

/// One stage of one API, as the ARN of a method names it.
struct Door<'a> {
    /// Up to the stage, as in `arn:aws:execute-api:eu-central-1:111122223333:abcdef1234/live`.
    stage_arn: &'a str,
    api_id: &'a str,
}

impl<'a> Door<'a> {
    fn read(method_arn: &'a str) -> Option<Self> {
        let (api_arn, rest) = method_arn.split_once('/')?;
        let (stage, _) = rest.split_once('/')?;
        let (before, api_id) = api_arn.rsplit_once(':')?;
        let is_name = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        let stage_arn = method_arn.get(..api_arn.len().checked_add(stage.len())?.checked_add(1)?)?;
        // Neither may widen what it becomes part of.
        let sound = before.starts_with("arn:")
            && before.contains(":execute-api:")
            && !before.contains(['*', '?'])
            && is_name(api_id)
            && is_name(stage);
        sound.then_some(Self { stage_arn, api_id })
    }

    fn admit(&self, partner: &PartnerRecord) -> Answer {
        let PartnerRecord { partner_id, role, .. } = partner;
        let mut paths = vec!["PUT/partner/orders/*", "GET/partner/orders/*"];
        let mut context = BTreeMap::from([("channel", role.channel().name().to_owned())]);
        if let Some(node) = role.store() {
            paths.push("PUT/partner/sales/*");
            context.insert("node", node.to_string());
        }
        Answer {
            principal_id: partner_id.principal().to_string(),
            policy_document: self.policy(IamPolicyEffect::Allow, &paths),
            context,
            usage_identifier_key: Some(digest(&format!("{}/{partner_id}", self.api_id))),
        }
    }

    fn refuse(&self) -> Answer {
        Answer {
            principal_id: "nobody".into(),
            policy_document: self.policy(IamPolicyEffect::Deny, &["*"]),
            context: BTreeMap::new(),
            usage_identifier_key: None,
        }
    }

    fn policy(&self, effect: IamPolicyEffect, paths: &[&str]) -> ApiGatewayCustomAuthorizerPolicy {
        let mut statement = IamPolicyStatement::default();
        statement.action = vec!["execute-api:Invoke".into()];
        statement.effect = effect;
        statement.resource = paths.iter().map(|path| format!("{}/{path}", self.stage_arn)).collect();
        let mut policy = ApiGatewayCustomAuthorizerPolicy::default();
        policy.version = Some("2012-10-17".into());
        policy.statement = vec![statement];
        policy
    }
}

/// SHA-256 in hex.
fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests;
