//! Puts the demo's goods on sale, the demo's addresses into the directory and its partners, without credentials, into
//! their table. Run again, it changes nothing.

use lakeside_e2e::{cloud::Cloud, demo_stock::seed, directory, partner};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let supplies = seed(&cloud).await?;
    let addresses = directory::seed(&cloud).await?;
    let partners = partner::seed(&cloud).await?;
    println!("{} SKUs are on sale, {addresses} addresses and {partners} partners are known.", supplies.len());
    Ok(())
}
