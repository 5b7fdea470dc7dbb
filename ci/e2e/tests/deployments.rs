//! Deploys a function as the pipelines do, and takes it back; run after everything else, and alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use lakeside_e2e::{
    cloud::Cloud,
    levels::caught_up,
    poll::eventually,
    settings::{Settings, workspace_root},
    shop::Shop,
};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

const SQUADS: [&str; 4] = ["orders", "inventory", "fulfilment", "growth"];
/// The function that is deployed: a client waits for its answer, so that nobody could miss a failure.
const FUNCTION: &str = "stock-query";
const PATIENCE: Duration = Duration::from_mins(1);
/// Exit codes of the tool.
const FAILED: i32 = 1;
const ROLLED_BACK: i32 = 3;

/// All that a deployment may change of a function.
#[derive(Debug, Clone, PartialEq)]
struct Standing {
    live: String,
    weights: BTreeMap<String, f64>,
    latest: String,
    versions: usize,
}

async fn standing(cloud: &Cloud, function: &str) -> anyhow::Result<Standing> {
    let path = format!("/2015-03-31/functions/{function}");
    let alias = cloud.signed.get("lambda", &format!("{path}/aliases/live")).await?;
    let latest = cloud.signed.get("lambda", &format!("{path}/configuration")).await?;
    let versions = cloud.signed.get("lambda", &format!("{path}/versions")).await?;
    let weights = alias.pointer("/RoutingConfig/AdditionalVersionWeights").cloned();
    Ok(Standing {
        live: text(&alias, "/FunctionVersion")?,
        weights: weights.map(serde_json::from_value).transpose()?.unwrap_or_default(),
        latest: text(&latest, "/CodeSha256")?,
        versions: versions.pointer("/Versions").and_then(Value::as_array).context("no versions")?.len(),
    })
}

/// Every function of every squad but the one that is deployed.
async fn others(cloud: &Cloud) -> anyhow::Result<BTreeMap<String, Standing>> {
    let mut others = BTreeMap::new();
    for squad in SQUADS {
        let name = format!("/{}/deployments/{squad}/v1", cloud.prefix);
        let parameter = cloud.signed.json("ssm", "AmazonSSM.GetParameter", &json!({ "Name": name })).await?;
        let squad: Value = serde_json::from_str(&text(&parameter, "/Parameter/Value")?)?;
        let functions = squad.pointer("/functions").and_then(Value::as_object).context("no functions")?;
        for (name, target) in functions {
            if name != FUNCTION {
                let function = text(target, "/function")?;
                others.insert(function.clone(), standing(cloud, &function).await?);
            }
        }
    }
    Ok(others)
}

fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {pointer}"))
}

/// The tool, pointed at this cloud.
fn deploy_tool(cloud: &Cloud, task: &str) -> anyhow::Result<Command> {
    let exe = std::env::current_exe()?;
    let built = exe.ancestors().nth(2).context("a test lies below the build directory")?;
    let mut command = Command::new(built.join("lakeside-deploy"));
    let settings = Settings::load()?;
    for name in ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env(name, settings.get(name)?);
    }
    command.args([task, "--squad", "inventory", "--function", FUNCTION, "--prefix", &cloud.prefix]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

/// Begins a deployment in steps of 40 percent, so that there are two.
fn begin(cloud: &Cloud, packages: &Path, seconds: u32) -> anyhow::Result<Child> {
    let mut command = deploy_tool(cloud, "deploy")?;
    command.args(["--step-percent", "40", "--watch-seconds", "1", "--step-seconds", &seconds.to_string()]);
    Ok(command.arg("--packages").arg(packages).spawn()?)
}

/// Waits for a deployment, and answers its exit code and what it said.
async fn ended(child: Child) -> anyhow::Result<(i32, String)> {
    let output = child.wait_with_output().await?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code().context("it was ended")?, String::from_utf8(said)?))
}

/// A package of the same function whose content is another by a comment: other code, as far as Lambda can tell.
fn package(remark: &str) -> anyhow::Result<PathBuf> {
    let mut zip = fs::read(packages_of_the_cloud().join(format!("{FUNCTION}.zip")))?;
    ensure!(zip.ends_with(&[0, 0]), "the package has a comment already");
    zip.truncate(zip.len() - 2);
    zip.extend(u16::try_from(remark.len())?.to_le_bytes());
    zip.extend(remark.as_bytes());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deployments-{remark}"));
    fs::create_dir_all(&dir)?;
    fs::write(dir.join(format!("{FUNCTION}.zip")), zip)?;
    Ok(dir)
}

fn packages_of_the_cloud() -> PathBuf {
    workspace_root().join(".local/artifacts")
}

async fn set_alarm(cloud: &Cloud, state: &str) -> anyhow::Result<()> {
    let body = json!({
        "AlarmName": format!("{}-errors", cloud.name(FUNCTION)),
        "StateValue": state,
        "StateReason": "an end-to-end test",
    });
    let target = "GraniteServiceVersion20100801.SetAlarmState";
    cloud.signed.json_1_0("monitoring", target, &body).await?;
    Ok(())
}

/// Waits until a second version has this weight.
async fn weight_is(cloud: &Cloud, weight: f64) -> anyhow::Result<Standing> {
    eventually("a shift", PATIENCE, async || {
        let now = standing(cloud, &cloud.name(FUNCTION)).await?;
        let there = now.weights.values().any(|now| (now - weight).abs() < 0.001);
        Ok(if there { ControlFlow::Break(now) } else { ControlFlow::Continue(format!("{now:?}")) })
    })
    .await
}

#[tokio::test]
async fn a_new_version_comes_step_by_step_and_goes_when_the_alarm_rings() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let function = cloud.name(FUNCTION);
    set_alarm(cloud, "OK").await?;
    let goods = shop.goods(3).await?;
    caught_up(cloud, &goods.sku, PATIENCE).await?;
    let others_before = others(cloud).await?;
    ensure!(others_before.len() > 20, "there are other functions");
    let first = standing(cloud, &function).await?;

    // Step by step, and callers have their answer all the time.
    let (better, seconds) = (package("better")?, 2);
    let mut child = begin(cloud, &better, seconds)?;
    let mut weights = BTreeSet::new();
    while child.try_wait()?.is_none() {
        let now = standing(cloud, &function).await?;
        weights.extend(now.weights.values().map(|weight| format!("{weight}")));
        let answer = cloud.api.stock(Some(&shop.customer.token), goods.sku.as_str()).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let (code, said) = ended(child).await?;
    assert_eq!(code, 0, "{said}");
    assert_eq!(weights, ["0.4", "0.8"].map(str::to_owned).into(), "{said}");
    let second = standing(cloud, &function).await?;
    assert_ne!((&second.live, &second.latest), (&first.live, &first.latest));
    assert!(second.weights.is_empty() && second.versions == first.versions + 1, "{second:?}");

    // Both versions run, whichever callers get. The emulator gives an alias's first version to all of them.
    for version in [&first.live, &second.live] {
        let path = format!("/2015-03-31/functions/{function}/configuration?Qualifier={version}");
        let state = cloud.signed.get("lambda", &path).await?;
        assert_eq!(text(&state, "/State")?, "Active", "version {version}");
    }

    // Again, and nothing happens.
    let (code, said) = ended(begin(cloud, &better, seconds)?).await?;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("is live already"), "{said}");
    assert_eq!(standing(cloud, &function).await?, second);

    // A bad one: while it has a share of the callers, the alarm rings.
    let bad = package("bad")?;
    let child = begin(cloud, &bad, 60)?;
    weight_is(cloud, 0.4).await?;
    set_alarm(cloud, "ALARM").await?;
    let (code, said) = ended(child).await?;
    assert_eq!(code, ROLLED_BACK, "{said}");
    let back = standing(cloud, &function).await?;
    assert!(back.live == second.live && back.weights.is_empty(), "{back:?}");

    // As long as it rings, nothing is begun.
    let (code, said) = ended(begin(cloud, &bad, seconds)?).await?;
    assert_eq!(code, FAILED, "{said}");
    assert!(said.contains("rings already"), "{said}");
    assert_eq!(standing(cloud, &function).await?, back);
    set_alarm(cloud, "OK").await?;

    // Whoever shifts is ended in the middle of it; the next goes on.
    let mut child = begin(cloud, &bad, 60)?;
    let halfway = weight_is(cloud, 0.4).await?;
    child.kill().await?;
    let (code, said) = ended(begin(cloud, &bad, seconds)?).await?;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("was begun and not ended"), "{said}");
    let third = standing(cloud, &function).await?;
    assert!(third.live != second.live && third.versions == halfway.versions, "{third:?}");

    // Back on request, to the version from before.
    let (code, said) = ended(deploy_tool(cloud, "roll-back")?.spawn()?).await?;
    assert_eq!(code, 0, "{said}");
    assert_eq!(standing(cloud, &function).await?.live, second.live);

    // What there was, at once and through a bucket.
    let bucket = cloud.name("e2e-packages");
    // An object without a name is the bucket itself.
    cloud.signed.put_object_once(&bucket, "", Vec::new()).await?;
    for _ in 0..2 {
        let mut command = deploy_tool(cloud, "deploy")?;
        command.args(["--bucket", &bucket, "--packages"]).arg(packages_of_the_cloud());
        let (code, said) = ended(command.spawn()?).await?;
        assert_eq!(code, 0, "{said}");
    }
    let last = standing(cloud, &function).await?;
    assert_eq!((last.latest, last.weights.len()), (first.latest, 0));

    assert_eq!(others(cloud).await?, others_before, "somebody else's function was touched");
    Ok(())
}
