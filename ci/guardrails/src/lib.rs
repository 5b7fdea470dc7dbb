//! The policies of `platform-terraform/guardrails`, evaluated against single requests as AWS evaluates them.
//!
//! What it does not know of AWS: which keys of the context a service fills in. Each case of the tests says them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use iam_rs::{Arn, Context, Decision, IAMPolicy, IAMRequest, PolicyEvaluator, Principal, PrincipalId};

/// The account in which requests are made.
pub const ACCOUNT: &str = "111122223333";
/// A Region in which anything may be done.
pub const REGION: &str = "eu-central-1";

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// One request: who asks for what, and what is known of it besides.
#[derive(Clone, Debug)]
pub struct Request {
    action: String,
    resource: String,
    principal: String,
    context: Context,
}

impl Request {
    /// A request of a squad's own administrator, over TLS and in an allowed Region.
    #[must_use]
    pub fn new(action: &str, resource: &str) -> Self {
        let context = Context::new()
            .with_string("aws:RequestedRegion", REGION)
            .with_boolean("aws:SecureTransport", true);
        Self { action: action.into(), resource: resource.into(), principal: String::new(), context }
            .by(&role("squad-admin"))
    }

    /// The same request of somebody else, by their ARN.
    #[must_use]
    pub fn by(mut self, principal: &str) -> Self {
        self.context = self.context.with_string("aws:PrincipalArn", principal);
        principal.clone_into(&mut self.principal);
        self
    }

    /// The same request with another key in its context.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.context = match value {
            "true" | "false" => self.context.with_boolean(key, value == "true"),
            value => self.context.with_string(key, value),
        };
        self
    }
}

/// The ARN of a role in the account.
#[must_use]
pub fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// Policies that are evaluated together.
#[derive(Debug)]
pub struct Policies(PolicyEvaluator);

impl Policies {
    /// Every service control policy as the organization's root renders it, beside AWS's FullAWSAccess.
    pub fn of_the_organization() -> anyhow::Result<Self> {
        let mut policies = vec![parse(EVERYTHING)?];
        for file in service_control_policies()? {
            policies.push(parse(&render(&file)?)?);
        }
        Ok(Self(PolicyEvaluator::with_policies(policies)))
    }

    /// The permissions boundary as the account's root renders it.
    pub fn boundary() -> anyhow::Result<Self> {
        let file = guardrails().join("account/policies/squad-boundary.json");
        Ok(Self(PolicyEvaluator::with_policies(vec![parse(&render(&file)?)?])))
    }

    /// The same beside a grant that a boundary does not bound: that of a resource's policy which names a role's session.
    /// What is left to the boundary then is what it denies.
    pub fn boundary_beside_a_resources_policy() -> anyhow::Result<Self> {
        let mut boundary = Self::boundary()?;
        boundary.0.add_policy(parse(EVERYTHING)?);
        Ok(boundary)
    }

    /// Whether the policies let the request pass.
    pub fn allow(&self, request: &Request) -> anyhow::Result<bool> {
        let resource = Arn::parse(&request.resource)
            .map_err(|error| anyhow!("`{}` is no ARN: {error}", request.resource))?;
        let principal = Principal::Aws(PrincipalId::String(request.principal.clone()));
        let asked = IAMRequest::new_with_context(
            principal,
            request.action.clone(),
            resource,
            request.context.clone(),
        );
        let result = self.0.evaluate(&asked).map_err(|error| anyhow!("{request:?}: {error}"))?;
        Ok(result.decision == Decision::Allow)
    }
}

/// The files of the service control policies.
pub fn service_control_policies() -> anyhow::Result<Vec<PathBuf>> {
    let dir = guardrails().join("organization/policies");
    let entries = std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

/// A policy with what Terraform fills in.
pub fn render(file: &Path) -> anyhow::Result<String> {
    let mut text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    for (name, value) in [
        ("account_id", ACCOUNT),
        ("allowed_regions", r#"eu-central-1", "eu-west-1"#),
        ("audit_bucket", "lakeside-audit-444455556666-eu-central-1"),
        ("boundary", "lakeside-squad-boundary"),
        ("guardrails_role", "OrganizationAccountAccessRole"),
        ("platform_role", "lakeside-deploy-platform-*"),
        ("prefix", "lakeside"),
        ("regions", r#"eu-central-1", "eu-west-1"#),
    ] {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    Ok(text)
}

/// The top of the checkout.
#[must_use]
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guardrails() -> PathBuf {
    checkout().join("platform-terraform/guardrails")
}

fn parse(json: &str) -> anyhow::Result<IAMPolicy> {
    IAMPolicy::from_json(json).context("a policy is not one")
}
