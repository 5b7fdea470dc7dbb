//! Puts the demo's goods on sale, the demo's addresses into the directory, its partners, without credentials, into their
//! table, and into their secrets what opens the payment processor and the marketplaces. Run again, it changes nothing.

use lakeside_e2e::{cloud::Cloud, demo_stock::seed, directory, marketplaces, partner, processor_key};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let supplies = seed(&cloud).await?;
    let addresses = directory::seed(&cloud).await?;
    let partners = partner::seed(&cloud).await?;
    let marketplaces = marketplaces::seed(&cloud).await?;
    processor_key::seed(&cloud).await?;
    println!(
        "{} SKUs are on sale, {addresses} addresses and {partners} partners are known, {marketplaces} marketplaces and the processor are open.",
        supplies.len()
    );
    Ok(())
}
