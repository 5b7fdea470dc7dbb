//! The makes of a function: how each is started.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Turns submissions into orders.
    OrderIngest,
    /// Holds the stock of orders.
    ReserveStock,
}

/// A make of a function.
#[derive(Clone, Debug)]
pub struct Make {
    /// What it is called in tables.
    pub name: &'static str,
    /// What is started,
    pub program: PathBuf,
    /// with which arguments,
    pub arguments: Vec<OsString>,
    /// and where.
    pub dir: PathBuf,
}

impl Function {
    /// All.
    pub const ALL: [Self; 2] = [Self::OrderIngest, Self::ReserveStock];

    /// As it is deployed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrderIngest => "order-ingest",
            Self::ReserveStock => "reserve-stock",
        }
    }

    /// The binary below `binaries`.
    pub fn in_rust(self, binaries: &Path) -> Make {
        Make {
            name: "Rust",
            program: binaries.join(self.name()),
            arguments: Vec::new(),
            dir: binaries.to_path_buf(),
        }
    }

    /// The module in `sources`, run by Lambda's own runtime client for Python.
    pub fn in_python(self, python: &Path, sources: &Path) -> Make {
        let handler = format!("{}.handler", self.name().replace('-', "_"));
        Make {
            name: "Python",
            program: python.to_path_buf(),
            arguments: ["-m".into(), "awslambdaric".into(), handler.into()].into(),
            dir: sources.to_path_buf(),
        }
    }
}

/// What Lambda and Terraform set, with DynamoDB and Step Functions at `endpoint`.
pub fn environment(function: Function, endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_LAMBDA_FUNCTION_NAME", format!("lakeside-{}", function.name())),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/lakeside-{}", function.name())),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("ORDERS_TABLE", "lakeside-orders".to_owned()),
        ("INVENTORY_TABLE", "lakeside-inventory".to_owned()),
        ("RESERVATION_HOLD_SECONDS", "5400".to_owned()),
        // Lambda has compiled what it runs.
        ("PYTHONDONTWRITEBYTECODE", "0".to_owned()),
    ]
}
