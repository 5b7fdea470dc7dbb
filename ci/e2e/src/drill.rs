//! A Region fails with orders in flight; the other one takes over, and gives back.
//!
//! The steps are those of `docs/runbooks/region-failover.md`. The Region fails as hard as the emulator lets it: in one
//! moment nothing feeds a function any more, every saga ends where it is, and nothing is carried to the other Region. What
//! was being handled in that moment comes to its end, for the emulator cannot be stopped in the middle of it.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, bail, ensure};
use lakeside_domain::time::Timestamp;

use crate::{
    api::NewOrder,
    books::Snapshot,
    cloud::Cloud,
    customer::Customer,
    demo, marketplaces,
    poll::eventually,
    processor_key,
    records::order_states,
    regions::{COMMANDS, OF_SAGAS},
    relay::Relay,
    shop::Shop,
    terminal::bold,
};

mod in_flight;
mod measured;

use in_flight::{Approval, InFlight, Range, all_fulfilled, fulfilled, ids};
use measured::{Behind, RecoveryPoint, RecoveryTime, different, since};

const PATIENCE: Duration = Duration::from_mins(5);
/// Orders placed at each door while its Region works again.
const NEW: usize = 4;
const FULFILLED: &str = "FULFILLED";

/// Runs the drill against two Regions of which the home works.
///
/// # Errors
/// If an order is lost, late beyond patience, or charged or sold twice; or if a Region is not what it should be.
pub async fn run(home: Cloud, standby: Cloud) -> anyhow::Result<()> {
    home.stands("active").await?;
    standby.stands("standby").await?;
    // Secrets are not replicated: whoever rotates them puts their values into both Regions.
    let key = processor_key::current(&home).await?.context("the processor's key has no value at home")?;
    processor_key::put(&standby, &key).await?;
    marketplaces::seed(&standby).await?;
    let customer = Customer::sign_up(&home).await?;
    let home = Shop { cloud: home, customer: customer.clone() };
    let drill = Drill { range: Range::new(&home).await?, home, standby: Shop { cloud: standby, customer } };
    let relay = Relay::between(&drill.home.cloud, &drill.standby.cloud).await?;
    drill.say_what_stands_in();
    tokio::select! {
        outcome = drill.story(&relay) => outcome,
        broken = relay.run() => broken.context("the relay between the Regions broke"),
    }
}

struct Drill {
    home: Shop,
    standby: Shop,
    range: Range,
}

/// The moment of the failure, by the clock that only goes forward and by everybody's.
struct Failure {
    at: Instant,
    time: Timestamp,
}

/// What has become of the standby's taking over.
struct TakenOver {
    new: Vec<NewOrder>,
    /// One of those, which was to be approved.
    approved: Approval,
    time: RecoveryTime,
}

impl Drill {
    async fn story(&self, relay: &Relay<'_>) -> anyhow::Result<()> {
        let (home, standby) = (&self.home.cloud.region, &self.standby.cloud.region);
        heading(&format!("In ordinary times {home} works, and {standby} stands by"));
        let (mut all, approved) = self.ordinary_times(relay).await?;

        heading(&format!("{home} fails"));
        let mut orders = InFlight::set_off(&self.home, &self.range).await?;
        all.extend(orders.written());
        all.extend(orders.accepted.clone());
        let (failure, point) = self.fail(relay, &mut orders).await?;

        heading(&format!("{standby} takes over"));
        let taken_over = Box::pin(self.fail_over(&orders, &approved, &failure)).await?;
        all.extend(taken_over.new);

        heading(&format!("{home} can be reached again"));
        let last_accepted = self.come_back(relay, &orders, &failure).await?;
        let time = RecoveryTime { last_accepted, ..taken_over.time };

        heading(&format!("{standby} gives back"));
        all.extend(self.fail_back(&taken_over.approved).await?);
        self.reconcile(relay, &all).await?;

        heading("RPO: what the standby did not have when the home failed");
        point.lines(home, standby).iter().for_each(|line| say(line));
        heading("RTO: how long after the failure; nobody had to decide, and no name to change");
        time.lines(home, standby).iter().for_each(|line| say(line));
        Ok(())
    }

    fn say_what_stands_in(&self) {
        let (home, standby) = (&self.home.cloud.region, &self.standby.cloud.region);
        heading("What stands in for AWS");
        say(&format!(
            "relay        the emulator delivers no event to another Region: this program carries them between {home} and {standby}"
        ));
        say("replication  the emulator replicates a write at once; AWS does within a second or so");
        say("door         clients are told the other address; there is no name that follows `GET /health`");
        say("secrets      this program puts the same values into both Regions");
    }

    /// Orders that are done before anything happens. They must stay as they are.
    async fn ordinary_times(&self, relay: &Relay<'_>) -> anyhow::Result<(Vec<NewOrder>, Approval)> {
        let gathered = self.gathered().await?;
        let mut orders = self.range.orders(3);
        self.home.submit_all(&orders, 3).await?;
        let approved = Approval::requested(&self.home, self.range.precious_order()).await?;
        approved.approve(&self.home.cloud).await?;
        orders.push(approved.order.clone());
        all_fulfilled(&self.home, &orders, PATIENCE).await?;
        say(&format!("{} orders are fulfilled", orders.len()));
        relay.caught_up(PATIENCE).await?;
        // Whatever carries events: its own word for it is not enough.
        let region = &self.standby.cloud.region;
        eventually(&format!("every order in the queues of {region}"), PATIENCE, async || {
            let heard = self.gathered().await?.saturating_sub(gathered);
            Ok(if usize::try_from(heard)? >= orders.len() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("{heard} of {} are", orders.len()))
            })
        })
        .await?;
        let [there, _] = relay.carried();
        say(&format!("{region} has heard all {there} events of it"));
        Ok((orders, approved))
    }

    /// How many orders wait for their saga where nothing works them off.
    async fn gathered(&self) -> anyhow::Result<u64> {
        let standby = &self.standby.cloud;
        standby.depth(&standby.queue_url(&standby.name("start-fulfilment")).await?).await
    }

    async fn fail(
        &self,
        relay: &Relay<'_>,
        orders: &mut InFlight,
    ) -> anyhow::Result<(Failure, RecoveryPoint)> {
        let home = &self.home.cloud;
        relay.cut();
        let failure = Failure { at: Instant::now(), time: now()? };
        home.switch_mappings(false).await?;
        let stopped = home.stop_sagas().await?;
        let states = orders.look(home).await?;
        let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        say(&format!("with {stopped} sagas running; of its orders in flight are {}", states.join(", ")));

        // What is written between a look here and one there differs once, and not twice.
        let first = different(&Snapshot::take(home).await?, &Snapshot::take(&self.standby.cloud).await?);
        let here = Snapshot::take(home).await?;
        let second = different(&here, &Snapshot::take(&self.standby.cloud).await?);
        let mut commands = 0;
        for queue in COMMANDS {
            commands += home.depth(&home.queue_url(&home.name(queue)).await?).await?;
        }
        let point = RecoveryPoint {
            items: here.items.len(),
            items_behind: second.iter().filter(|key| first.contains(key)).count(),
            events_behind: Behind::of_events(&relay.unheard().await?, failure.time),
            commands: Behind {
                count: usize::try_from(commands)?,
                since: failure.at.duration_since(orders.accepted_since),
            },
        };
        ensure!(
            point.items_behind == 0,
            "{} is without {} of {} items, which the emulator replicates at once",
            self.standby.cloud.region,
            point.items_behind,
            point.items
        );
        Ok((failure, point))
    }

    /// Has the standby work, and places orders there.
    async fn fail_over(
        &self,
        orders: &InFlight,
        approved_before: &Approval,
        failure: &Failure,
    ) -> anyhow::Result<TakenOver> {
        let standby = &self.standby;
        standby.cloud.activate().await?;
        standby.cloud.stands("active").await?;
        let turned = failure.at.elapsed();
        say(&format!("its switch is turned, {} after the failure", since(failure.at)));

        let mut new = self.range.orders(NEW);
        standby.submit_all(&new, NEW).await?;
        // Its customer has heard nothing of it, and asks again.
        let again = orders.accepted.first().context("an order was accepted")?;
        standby.cloud.api.submit(&standby.customer, again).await?;
        let placed = [new.as_slice(), std::slice::from_ref(again)].concat();

        let first_new = async {
            fulfilled(&standby.cloud, &placed, 1).await?;
            anyhow::Ok(failure.at.elapsed())
        };
        let written = orders.written();
        let last_written = async {
            all_fulfilled(standby, &written, PATIENCE).await?;
            anyhow::Ok(failure.at.elapsed())
        };
        let (first_new, last_written, ()) =
            tokio::try_join!(first_new, last_written, orders.undecided.approve_again(&standby.cloud))?;
        all_fulfilled(standby, &placed, PATIENCE).await?;
        say(&format!("{} new orders and one that was put again are fulfilled", new.len()));
        say(&format!("{} orders that the failed Region had written are fulfilled", written.len()));
        // Its saga starts anew here; that of an order which was done long ago does too.
        for paid in [&orders.charged, approved_before] {
            standby.cloud.saga_ended(paid.order.order_id, PATIENCE).await?;
            paid.stands(&standby.cloud).await?;
        }
        say("the one that nobody had approved was asked about again, those with a payment were not");
        let approved = Approval::requested(standby, self.range.precious_order()).await?;
        approved.approve(&standby.cloud).await?;
        new.push(approved.order.clone());

        let late = orders.accepted.get(1..).unwrap_or_default();
        let seen = order_states(&standby.cloud, &ids(late)).await?;
        ensure!(seen.is_empty(), "orders are known that only a queue of the failed Region has: {seen:?}");
        say(&format!("{} orders are late: only a queue of the failed Region has them", late.len()));
        let time = RecoveryTime { turned, first_new, last_written, last_accepted: Duration::ZERO };
        Ok(TakenOver { new, approved, time })
    }

    /// The failed Region can be reached again: it is fenced before anything else, then emptied.
    async fn come_back(
        &self,
        relay: &Relay<'_>,
        orders: &InFlight,
        failure: &Failure,
    ) -> anyhow::Result<Duration> {
        let (home, standby) = (&self.home.cloud, &self.standby.cloud);
        home.fence().await?;
        home.stands("standby").await?;
        home.stop_sagas().await?;
        for queue in OF_SAGAS {
            home.purge(queue).await?;
        }
        say("it is fenced, and what its sagas have left is purged");
        relay.mend();
        let mut moved = 0_usize;
        for queue in COMMANDS {
            moved = moved.saturating_add(home.move_commands(queue, standby).await?);
        }
        ensure!(
            moved >= orders.accepted.len(),
            "{moved} commands were left in {}, not {}",
            home.region,
            orders.accepted.len()
        );
        all_fulfilled(&self.standby, &orders.accepted, PATIENCE).await?;
        say(&format!("{moved} commands are moved, and their orders fulfilled"));
        Ok(failure.at.elapsed())
    }

    /// Gives the work back, without haste: first everything comes to rest.
    async fn fail_back(&self, approved: &Approval) -> anyhow::Result<Vec<NewOrder>> {
        let (home, standby) = (&self.home.cloud, &self.standby.cloud);
        standby.quiet(PATIENCE).await?;
        standby.sagas_ended(PATIENCE).await?;
        let begun = Instant::now();
        standby.fence().await?;
        standby.stands("standby").await?;
        home.activate().await?;
        home.stands("active").await?;
        say(&format!("nobody works for {}", since(begun)));
        let new = self.range.orders(NEW);
        self.home.submit_all(&new, NEW).await?;
        all_fulfilled(&self.home, &new, PATIENCE).await?;
        say(&format!("{} new orders are fulfilled in {} after {}", new.len(), home.region, since(begun)));
        home.saga_ended(approved.order.order_id, PATIENCE).await?;
        approved.stands(home).await?;
        home.quiet(PATIENCE).await?;
        home.sagas_ended(PATIENCE).await?;
        Ok(new)
    }

    async fn reconcile(&self, relay: &Relay<'_>, all: &[NewOrder]) -> anyhow::Result<()> {
        let (home, standby) = (&self.home.cloud, &self.standby.cloud);
        all_fulfilled(&self.home, all, PATIENCE).await?;
        let here = Snapshot::take(home).await?;
        let there = Snapshot::take(standby).await?;
        let different = different(&here, &there);
        let mut faults = Vec::new();
        for (region, snapshot) in [(&home.region, here), (&standby.region, there)] {
            heading(&format!("Reconciliation of {region}"));
            let books = snapshot.audit()?;
            demo::print(&books);
            faults.extend(books.faults().into_iter().map(|fault| format!("in {region}, {fault}")));
        }
        println!();
        ensure!(different.is_empty(), "the Regions' tables are not the same: {different:?}");
        match faults.as_slice() {
            [] => {}
            [fault] => bail!("the books do not agree: {fault}"),
            [fault, others @ ..] => bail!("the books do not agree: {fault} (and {} more)", others.len()),
        }
        let [there, back] = relay.carried();
        say(&format!("{there} events were carried to {}, {back} back", standby.region));
        say(&format!("{} orders: none lost, none doubled, none charged twice", all.len()));
        Ok(())
    }
}

fn now() -> anyhow::Result<Timestamp> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_millis(i64::try_from(since_epoch.as_millis())?))
}

fn heading(text: &str) {
    println!("\n{}", bold(text));
}

fn say(what: &str) {
    println!("  {what}");
}
