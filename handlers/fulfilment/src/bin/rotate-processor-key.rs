//! Wires `rotate-processor-key`.

use lakeside_fulfilment::{
    http_processor_keys::HttpProcessorKeys,
    outbound::Server,
    rotate_processor_key::{Rotated, handle},
};
use lakeside_kit::{
    clock::SystemClock,
    config::required,
    runtime::{self, Trigger},
    secrets_manager::SecretsManager,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let rotated =
        Rotated { secret_id: required("PAYMENT_PROCESSOR_SECRET")?, owner: required("PROCESSOR_KEY_OWNER")? };
    let versions = SecretsManager::new(&aws).versions(&rotated.secret_id);
    let processor = HttpProcessorKeys::new(Server::from_env("PAYMENT_PROCESSOR_URL")?);
    runtime::run(Trigger::Rotation, async |request, invocation| {
        handle(&rotated, &versions, &processor, &SystemClock, invocation, &request).await?;
        Ok(())
    })
    .await
}
