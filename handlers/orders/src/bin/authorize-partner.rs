//! Wires `authorize-partner`.

use lakeside_kit::{
    config::required,
    runtime::{self, Trigger},
};
use lakeside_orders::{authorize_partner::handle, partners_table::PartnersTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let partners = PartnersTable::new(client, required("PARTNERS_TABLE")?);
    runtime::run(Trigger::Request, async |request, _| Ok(handle(&partners, request).await?)).await
}
