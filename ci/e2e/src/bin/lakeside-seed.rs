//! Puts the demo's goods on sale and the demo's addresses into the directory. Run again, it changes nothing.

use lakeside_e2e::{cloud::Cloud, demo_stock::seed, directory};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let supplies = seed(&cloud).await?;
    let addresses = directory::seed(&cloud).await?;
    println!("{} SKUs are on sale, {addresses} addresses are known.", supplies.len());
    Ok(())
}
