//! What is final stays as it is: no record of any table goes back.

use std::{cell::RefCell, collections::BTreeMap};

use lakeside_domain::{
    allocation::AllocationStatus, label::LabelStatus, loyalty::Award, notice::NoticeStatus,
    payment::PaymentStatus, reservation::ReservationStatus,
};
use lakeside_fulfilment::{label_record, payment_record};
use lakeside_growth::notice_record;
use uuid::Uuid;

use crate::world::World;

/// How far a record has come, and the name of where it stands.
type Stage = (u8, &'static str);

/// Where every record stood when it was last looked at.
#[derive(Default)]
pub struct Stages(RefCell<BTreeMap<(&'static str, Uuid), Stage>>);

const fn reservation(status: ReservationStatus) -> Stage {
    match status {
        // Sold stock is held again when an allocation is undone.
        ReservationStatus::Held | ReservationStatus::Committed => (0, "open"),
        ReservationStatus::Released => (1, "released"),
        ReservationStatus::Refused => (1, "refused"),
    }
}

const fn allocation(status: AllocationStatus) -> Stage {
    match status {
        AllocationStatus::Allocated => (0, "allocated"),
        AllocationStatus::Released => (1, "released"),
    }
}

fn payment(status: &PaymentStatus) -> Stage {
    let rank = match status {
        PaymentStatus::Capturing => 0,
        PaymentStatus::Captured | PaymentStatus::Declined { .. } => 1,
        PaymentStatus::Reversing => 2,
        PaymentStatus::Refunded | PaymentStatus::Voided | PaymentStatus::Cancelled => 3,
    };
    (rank, payment_record::status_name(status))
}

fn label(status: &LabelStatus) -> Stage {
    let rank = match status {
        LabelStatus::Requested => 0,
        LabelStatus::Created { .. } | LabelStatus::Refused { .. } => 1,
        LabelStatus::Voided => 2,
    };
    (rank, label_record::status_name(status))
}

const fn award(award: Award) -> Stage {
    match award {
        Award::Open => (0, "open"),
        Award::Accrued { .. } => (1, "accrued"),
        Award::Reversed { .. } => (2, "reversed"),
    }
}

const fn notice(status: NoticeStatus) -> Stage {
    match status {
        // Nothing is decided, back and forth.
        NoticeStatus::Waiting | NoticeStatus::Sending { .. } => (0, "open"),
        _ => (1, notice_record::status_name(&status)),
    }
}

impl World {
    /// Compares every record of the squad that wrote with what it was.
    pub fn final_stays(&self, squad: &str) {
        match squad {
            "inventory" => {
                for (id, record) in self.inventory.reservations.borrow().iter() {
                    self.goes_on("reservation", id.as_uuid(), reservation(record.status));
                }
                for (id, record) in self.inventory.allocations.borrow().iter() {
                    self.goes_on("allocation", id.as_uuid(), allocation(record.status));
                }
            }
            "fulfilment" => {
                for (id, record) in self.fulfilment.payments.borrow().iter() {
                    self.goes_on("payment", id.as_uuid(), payment(&record.status));
                }
                for ((_, id), record) in self.fulfilment.labels.borrow().iter() {
                    self.goes_on("label", id.as_uuid(), label(&record.status));
                }
            }
            "growth" => {
                for (id, record) in self.growth.points.borrow().iter() {
                    self.goes_on("award", id.as_uuid(), award(record.known.award));
                }
                for ((id, what), record) in self.growth.notices.borrow().iter() {
                    self.goes_on(what.name(), id.as_uuid(), notice(record.status));
                }
            }
            _ => {}
        }
    }

    fn goes_on(&self, what: &'static str, id: Uuid, stage: Stage) {
        let before = self.stages.0.borrow_mut().insert((what, id), stage);
        if let Some(before) = before {
            let forward = before == stage || before.0 < stage.0;
            self.check(forward, "I5", || format!("{what} {id} went from {} to {}", before.1, stage.1));
        }
    }
}
