use super::*;
use crate::memory::{Memory, edition, package, target};
use crate::roll_back;
use crate::shift::Pace;

const STEPS: Pace = Pace::Steps { percent: 25, each: Duration::from_secs(10) };

fn deployment(cloud: &Memory, pace: Pace) -> Deployment<'_, Memory> {
    let watch = Watch { pace, afterwards: Duration::from_secs(10), despite_alarm: false };
    Deployment { cloud, application: None, squad: "orders", packages: Path::new("."), bucket: None, watch }
}

async fn deploy(cloud: &Memory, content: &str) -> anyhow::Result<Outcome> {
    deployment(cloud, STEPS).package("order-query", &target(), &package(content)).await
}

#[tokio::test]
async fn new_code_gets_a_quarter_more_of_the_invocations_at_a_time() {
    let cloud = Memory::with("one");
    assert_eq!(deploy(&cloud, "two").await.unwrap(), Outcome::Done);
    assert_eq!(cloud.moves(), [(1, Some((2, 25))), (1, Some((2, 50))), (1, Some((2, 75))), (2, None)]);
    assert_eq!(cloud.0.borrow().seconds, 40, "every step and the end are watched");
}

#[tokio::test]
async fn the_same_code_again_changes_nothing() {
    let cloud = Memory::with("one");
    assert_eq!(deploy(&cloud, "one").await.unwrap(), Outcome::Done);
    deploy(&cloud, "two").await.unwrap();
    let moves = cloud.moves();
    assert_eq!(deploy(&cloud, "two").await.unwrap(), Outcome::Done);
    assert_eq!(cloud.moves(), moves);
    assert_eq!(cloud.0.borrow().versions.len(), 2);
}

#[tokio::test]
async fn a_new_configuration_is_shifted_like_new_code() {
    let cloud = Memory::with("one");
    cloud.0.borrow_mut().latest = Some(edition("one", 20));
    assert_eq!(deploy(&cloud, "one").await.unwrap(), Outcome::Done);
    assert_eq!(cloud.moves().first(), Some(&(1, Some((2, 25)))));
    assert_eq!(cloud.alias_now(), (2, None));
}

#[tokio::test]
async fn an_alarm_at_any_time_gives_everybody_the_version_from_before() {
    // The first second of watching is the first one at which it is looked at.
    for second in 1..=40 {
        let cloud = Memory::with("one");
        cloud.0.borrow_mut().rings_at = Some(second);
        assert_eq!(deploy(&cloud, "two").await.unwrap(), Outcome::RolledBack, "at {second} s");
        assert_eq!(cloud.alias_now(), (1, None), "at {second} s");
        assert_eq!(cloud.0.borrow().seconds, second);
    }
}

#[tokio::test]
async fn nothing_is_begun_while_the_alarm_rings() {
    let cloud = Memory::with("one");
    cloud.0.borrow_mut().rings_at = Some(0);
    let error = deploy(&cloud, "two").await.unwrap_err().to_string();
    assert!(error.starts_with("the alarm l-order-query-errors rings already"), "{error}");
    assert!(cloud.moves().is_empty());
    assert_eq!(cloud.0.borrow().latest, Some(edition("one", 10)));
}

#[tokio::test]
async fn what_mends_it_is_deployed_although_the_alarm_rings() {
    let cloud = Memory::with("one");
    cloud.0.borrow_mut().rings_at = Some(0);
    let mut deployment = deployment(&cloud, Pace::AtOnce);
    deployment.watch.despite_alarm = true;
    let outcome = deployment.package("order-query", &target(), &package("two")).await.unwrap();
    assert_eq!((outcome, cloud.alias_now()), (Outcome::Done, (2, None)));
}

#[tokio::test]
async fn an_interrupted_shift_goes_on_from_where_it_was() {
    for writes in 1..=3 {
        let cloud = Memory::with("one");
        cloud.0.borrow_mut().writes_left = Some(writes);
        assert!(deploy(&cloud, "two").await.is_err());
        cloud.0.borrow_mut().writes_left = None;
        assert_eq!(deploy(&cloud, "two").await.unwrap(), Outcome::Done);
        assert_eq!(
            cloud.moves(),
            [(1, Some((2, 25))), (1, Some((2, 50))), (1, Some((2, 75))), (2, None)],
            "interrupted after {writes} writes"
        );
        assert_eq!(cloud.0.borrow().versions.len(), 2);
    }
}

#[tokio::test]
async fn an_interrupted_shift_is_taken_back_if_the_alarm_rings() {
    let cloud = Memory::with("one");
    cloud.0.borrow_mut().writes_left = Some(2);
    assert!(deploy(&cloud, "two").await.is_err());
    cloud.0.borrow_mut().writes_left = None;
    cloud.0.borrow_mut().rings_at = Some(0);
    assert_eq!(deploy(&cloud, "two").await.unwrap(), Outcome::RolledBack);
    assert_eq!(cloud.alias_now(), (1, None));
}

#[tokio::test]
async fn an_interrupted_shift_to_other_code_is_taken_back_first() {
    let cloud = Memory::with("one");
    cloud.0.borrow_mut().writes_left = Some(2);
    assert!(deploy(&cloud, "two").await.is_err());
    cloud.0.borrow_mut().writes_left = None;
    assert_eq!(deploy(&cloud, "three").await.unwrap(), Outcome::Done);
    assert_eq!(cloud.moves()[2..4], [(1, None), (1, Some((3, 25)))]);
    assert_eq!(cloud.alias_now(), (3, None));
}

#[tokio::test]
async fn a_package_lies_in_the_bucket_below_its_squad_under_its_digest_once() {
    let cloud = Memory::with("one");
    let mut deployment = deployment(&cloud, Pace::AtOnce);
    deployment.bucket = Some("artifacts");
    let two = package("two");
    deployment.package("order-query", &target(), &two).await.unwrap();
    deployment.package("order-query", &target(), &package("one")).await.unwrap();
    deployment.package("order-query", &target(), &two).await.unwrap();
    let objects = cloud.0.borrow().objects.clone();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0], format!("artifacts/orders/order-query/{}.zip", two.hex));
}

#[tokio::test]
async fn code_deploy_shifts_where_there_is_an_application() {
    let cloud = Memory::with("one");
    let mut deployment = deployment(&cloud, STEPS);
    deployment.application = Some("l-orders");
    assert_eq!(deployment.package("order-query", &target(), &package("two")).await.unwrap(), Outcome::Done);
    assert_eq!(cloud.alias_now(), (2, None));
    assert!(cloud.moves().is_empty(), "only one of the two moves the alias");
}

#[tokio::test]
async fn a_shift_that_code_deploy_takes_back_is_told() {
    let cloud = Memory::with("one");
    cloud.0.borrow_mut().rings_at = Some(1);
    let mut deployment = deployment(&cloud, STEPS);
    deployment.application = Some("l-orders");
    let outcome = deployment.package("order-query", &target(), &package("two")).await.unwrap();
    assert_eq!((outcome, cloud.alias_now()), (Outcome::RolledBack, (1, None)));
}

#[tokio::test]
async fn a_shift_by_code_deploy_that_goes_on_is_awaited_and_not_begun_again() {
    let cloud = Memory::with("one");
    {
        let mut state = cloud.0.borrow_mut();
        state.versions.insert(2, edition("two", 10));
        state.latest = Some(edition("two", 10));
        state.alias = (1, Some((2, 20)));
        state.shift = Some((1, 2, 3, true));
    }
    let mut deployment = deployment(&cloud, STEPS);
    deployment.application = Some("l-orders");
    assert_eq!(deployment.package("order-query", &target(), &package("two")).await.unwrap(), Outcome::Done);
    assert_eq!((cloud.alias_now(), cloud.0.borrow().begun), ((2, None), 0));
}

#[tokio::test]
async fn going_back_returns_to_the_version_before_the_live_one() {
    let cloud = Memory::with("one");
    deploy(&cloud, "two").await.unwrap();
    deploy(&cloud, "three").await.unwrap();
    roll_back::function(&cloud, None, "order-query", &target(), None).await.unwrap();
    assert_eq!(cloud.alias_now(), (2, None));
    roll_back::function(&cloud, None, "order-query", &target(), Some(3)).await.unwrap();
    assert_eq!(cloud.alias_now(), (3, None));
    let unknown = roll_back::function(&cloud, None, "order-query", &target(), Some(9)).await.unwrap_err();
    assert_eq!(
        format!("{unknown:#}"),
        "order-query was not taken back: version 9 is not there, only 1, 2, 3"
    );
}

#[tokio::test]
async fn going_back_takes_back_a_shift_that_is_under_way() {
    let cloud = Memory::with("one");
    cloud.0.borrow_mut().writes_left = Some(2);
    assert!(deploy(&cloud, "two").await.is_err());
    cloud.0.borrow_mut().writes_left = None;
    roll_back::function(&cloud, None, "order-query", &target(), None).await.unwrap();
    assert_eq!(cloud.alias_now(), (1, None));
}

#[tokio::test]
async fn going_back_stops_code_deploy() {
    let cloud = Memory::with("one");
    {
        let mut state = cloud.0.borrow_mut();
        state.versions.insert(2, edition("two", 10));
        state.alias = (1, Some((2, 20)));
        state.shift = Some((1, 2, 9, true));
    }
    roll_back::function(&cloud, Some("l-orders"), "order-query", &target(), None).await.unwrap();
    assert_eq!(cloud.alias_now(), (1, None));
}

#[tokio::test]
async fn nobody_goes_back_from_the_first_version() {
    let cloud = Memory::with("one");
    let error = roll_back::function(&cloud, None, "order-query", &target(), None).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "order-query was not taken back: there is no version before 1");
}
