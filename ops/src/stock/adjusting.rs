//! What is to be booked, and whether it may be. Pure: everything it needs was read before.

use lakeside_contracts::{
    commands::{AdjustStock, AdjustStockName},
    events::AdjustedLine,
};
use lakeside_domain::{
    adjustment::{Kind, NODE_SHORT, STOCK_PROMISED, Units},
    ids::{AdjustmentId, NodeId, ReasonCode, Sku},
    reconciliation::{SkuStock, differences},
};
use serde::Deserialize;
use serde_json::Value;

use super::books::sentences;
use crate::failure::{Failure, Result};

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// So many units lie there.
    OnHand(u32),
    /// So many more, or fewer.
    By(i64),
}

impl Change {
    /// What was asked for, which is one of both.
    ///
    /// # Errors
    /// If it is none, or both.
    pub fn asked(on_hand: Option<u32>, by: Option<i64>) -> Result<Self> {
        match (on_hand, by) {
            (Some(units), None) => Ok(Self::OnHand(units)),
            (None, Some(by)) => Ok(Self::By(by)),
            _ => Err(Failure::usage("say how many there are by --on-hand, or the change by --by")),
        }
    }
}

/// What is to be booked, or nothing if it is so already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booking {
    /// What lies there by the books.
    pub on_hand: i64,
    /// By how much it changes.
    pub by: Option<Units>,
}

/// By how much the books are to change, if they may be.
///
/// # Errors
/// If the books do not agree, the node is new to the SKU and nobody has said so, or the change is none that can be booked.
pub fn booking(
    sku: &Sku,
    node: &NodeId,
    stock: &SkuStock,
    kind: Kind,
    change: Change,
    first: bool,
) -> Result<Booking> {
    let differences = differences(stock);
    if !differences.is_empty() {
        return Err(Failure::guarded(format!(
            "the books of {sku} do not agree, and what is booked moves both sides: {}; docs/runbooks/stock-difference.md says how to mend them",
            sentences(&differences)
        )));
    }
    let known = stock.nodes.get(node);
    if known.is_none() && !first {
        let nodes: Vec<&str> = stock.nodes.keys().map(NodeId::as_str).collect();
        let others =
            if nodes.is_empty() { "no node has".into() } else { format!("there are {}", nodes.join(", ")) };
        return Err(Failure::guarded(format!(
            "{node} has never had any {sku}, {others}: say --first if that is right"
        )));
    }
    let on_hand = known.map_or(0, |count| count.on_hand);
    let by = match change {
        Change::By(by) => by,
        Change::OnHand(counted) => i64::from(counted).saturating_sub(on_hand),
    };
    if by == 0 && matches!(change, Change::OnHand(_)) {
        return Ok(Booking { on_hand, by: None });
    }
    if by <= 0 && kind == Kind::Receipt {
        return Err(Failure::usage(format!("goods that came in are more than none, not {by}")));
    }
    let by = Units::new(by).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Booking { on_hand, by: Some(by) })
}

/// The command that books it.
pub fn command(id: AdjustmentId, kind: Kind, node: NodeId, sku: Sku, units: Units) -> AdjustStock {
    let lines = vec![AdjustedLine { sku, units }];
    AdjustStock { command: AdjustStockName::AdjustStock, adjustment_id: id, kind, node, lines }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It is booked.
    Applied,
    /// Nothing of it is.
    Refused(String),
}

/// What became of a command by the items under its id; nothing if it is not decided.
///
/// # Errors
/// If another change stands under its id.
pub fn decided(command: &AdjustStock, items: &[Value]) -> Result<Option<Decided>> {
    #[derive(Deserialize)]
    struct Record {
        kind: Kind,
        node: NodeId,
        lines: Vec<AdjustedLine>,
        status: String,
        #[serde(default)]
        reason: Option<ReasonCode>,
    }
    let is_record = |item: &&Value| item.get("sk").and_then(Value::as_str) == Some("ADJUSTMENT");
    let Some(item) = items.iter().find(is_record) else { return Ok(None) };
    let record = Record::deserialize(item).map_err(|error| {
        Failure::wrong(format!("the record of {} is not of its form: {error}", command.adjustment_id))
    })?;
    if (record.kind, &record.node, &record.lines) != (command.kind, &command.node, &command.lines) {
        return Err(Failure::guarded(format!(
            "another change stands under the id {}: choose a new one",
            command.adjustment_id
        )));
    }
    let reason = record.reason.map(|reason| reason.to_string()).unwrap_or_default();
    Ok(Some(if record.status == "APPLIED" { Decided::Applied } else { Decided::Refused(reason) }))
}

/// What a reason of a refusal means, and what to do.
pub fn refusal(reason: &str) -> &'static str {
    match reason {
        NODE_SHORT => "there are not so many at this node: count again",
        STOCK_PROMISED => {
            "they are promised to orders that go on: deny or cancel some, or wait until they are picked and count again"
        }
        _ => "see the reason codes in ARCHITECTURE.md",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        failure::Kind as FailureKind,
        stock::books::{
            stock,
            tests::{items, tent},
        },
    };

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    fn node(name: &str) -> NodeId {
        NodeId::parse(name).unwrap()
    }

    fn booked(at: &str, kind: Kind, change: Change, first: bool) -> Result<Booking> {
        booking(&tent(), &node(at), &stock(&tent(), &items()).unwrap(), kind, change, first)
    }

    fn by(units: i64) -> Booking {
        Booking { on_hand: 4, by: Some(Units::new(units).unwrap()) }
    }

    #[test]
    fn a_count_books_by_how_much_the_shelf_differs() {
        assert_eq!(booked("wh-east", Kind::Count, Change::OnHand(3), false), Ok(by(-1)));
        assert_eq!(booked("wh-east", Kind::Count, Change::By(-2), false), Ok(by(-2)));
        assert_eq!(booked("wh-east", Kind::Receipt, Change::By(10), false), Ok(by(10)));
        assert_eq!(
            booked("wh-east", Kind::Count, Change::OnHand(4), false),
            Ok(Booking { on_hand: 4, by: None })
        );
    }

    #[test]
    fn what_is_no_change_is_not_booked() {
        for (kind, change) in [
            (Kind::Count, Change::By(0)),
            (Kind::Count, Change::By(2_000_000)),
            (Kind::Receipt, Change::By(-1)),
            (Kind::Receipt, Change::OnHand(3)),
        ] {
            assert_eq!(booked("wh-east", kind, change, false).unwrap_err().kind, FailureKind::Usage);
        }
    }

    #[test]
    fn a_node_that_is_mistyped_gets_no_stock() {
        let mistyped = booked("wh-esat", Kind::Count, Change::OnHand(3), false).unwrap_err();
        assert_eq!(mistyped.kind, FailureKind::Guarded);
        assert!(mistyped.sentence.contains("wh-east"), "{mistyped}");
        let first = booked("wh-new", Kind::Receipt, Change::By(3), true).unwrap();
        assert_eq!((first.on_hand, first.by.map(Units::count)), (0, Some(3)));
    }

    #[test]
    fn nothing_is_booked_into_books_that_do_not_agree() {
        let mut items = items();
        items[2]["on_hand"] = json!(5);
        let stock = stock(&tent(), &items).unwrap();
        let refused = booking(&tent(), &node("wh-east"), &stock, Kind::Count, Change::By(-1), false);
        assert_eq!(refused.unwrap_err().kind, FailureKind::Guarded);
    }

    #[test]
    fn what_became_of_a_command_is_in_its_record() {
        let command = command(
            AdjustmentId::parse(ID).unwrap(),
            Kind::Count,
            node("wh-east"),
            tent(),
            Units::new(-1).unwrap(),
        );
        let record = |status: &str, units: i64| {
            json!({ "pk": format!("ADJUSTMENT#{ID}"), "sk": "ADJUSTMENT", "adjustmentId": ID, "kind": "COUNT", "node": "wh-east",
                "lines": [{ "sku": "TENT-2P", "units": units }], "status": status, "reason": "NODE_SHORT", "pools": [] })
        };
        assert_eq!(decided(&command, &[]), Ok(None));
        assert_eq!(decided(&command, &[json!({ "sk": "CONFLICT#1" })]), Ok(None));
        assert_eq!(decided(&command, &[record("APPLIED", -1)]), Ok(Some(Decided::Applied)));
        let refused = decided(&command, &[record("REFUSED", -1)]);
        assert_eq!(refused, Ok(Some(Decided::Refused("NODE_SHORT".into()))));
        assert_eq!(decided(&command, &[record("APPLIED", -2)]).unwrap_err().kind, FailureKind::Guarded);
    }
}
