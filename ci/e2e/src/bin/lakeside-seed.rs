//! Puts the demo's goods on sale. Run again, it changes nothing.

use lakeside_e2e::{cloud::Cloud, demo_stock::seed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let supplies = seed(&Cloud::open()?).await?;
    println!("{} SKUs are on sale.", supplies.len());
    Ok(())
}
