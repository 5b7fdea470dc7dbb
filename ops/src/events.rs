//! Events in words.

use lakeside_contracts::{Delivery, envelope::DecodeError, events as wire};
use lakeside_domain::money::Money;

/// What an event tells, for people; nothing for those whose name says it all.
///
/// # Errors
/// If the event is not what it says it is.
pub fn describe(event: &Delivery) -> Result<String, DecodeError> {
    Ok(if event.is::<wire::OrderCreated>() {
        let created = event.decode::<wire::OrderCreated>()?.data;
        let lines = created.lines.iter().map(|line| units(line.quantity.units(), line.sku.as_str()));
        format!("{} priced at {}", list(lines), price(created.total))
    } else if event.is::<wire::OrderRejected>() {
        event.decode::<wire::OrderRejected>()?.data.reason.to_string()
    } else if event.is::<wire::StockReserved>() {
        let reserved = event.decode::<wire::StockReserved>()?.data;
        format!("{} held until {}", of_lines(&reserved.lines), reserved.expires_at)
    } else if event.is::<wire::StockReservationFailed>() {
        event.decode::<wire::StockReservationFailed>()?.data.reason.to_string()
    } else if event.is::<wire::PaymentCaptured>() {
        format!("{} captured", price(event.decode::<wire::PaymentCaptured>()?.data.amount))
    } else if event.is::<wire::PaymentDeclined>() {
        format!("the processor says {}", event.decode::<wire::PaymentDeclined>()?.data.reason)
    } else if event.is::<wire::WarehouseAllocated>() {
        let shipments = event.decode::<wire::WarehouseAllocated>()?.data.shipments;
        list(shipments.iter().map(|parcel| format!("{} from {}", of_lines(&parcel.lines), parcel.node)))
    } else if event.is::<wire::ShipmentLabelled>() {
        format!("parcel {}", event.decode::<wire::ShipmentLabelled>()?.data.tracking_number)
    } else if event.is::<wire::StockReleased>() {
        format!("{} back in stock", of_lines(&event.decode::<wire::StockReleased>()?.data.lines))
    } else if event.is::<wire::FulfilmentFailed>() {
        let failed = event.decode::<wire::FulfilmentFailed>()?.data;
        format!("{} at {}", failed.reason, failed.step)
    } else if event.is::<wire::FulfilmentParked>() {
        let parked = event.decode::<wire::FulfilmentParked>()?.data;
        format!("{} could not be done; it was owed for {}", parked.step, parked.reason)
    } else if event.is::<wire::OrderCancelled>() {
        event.decode::<wire::OrderCancelled>()?.data.reason.to_string()
    } else {
        String::new()
    })
}

/// An amount with its currency.
pub fn price(money: Money) -> String {
    let digits = usize::from(money.currency().exponent().unwrap_or_default());
    let text = format!("{:0width$}", money.amount().unsigned_abs(), width = digits.saturating_add(1));
    let (whole, minor) = text.split_at(text.len().saturating_sub(digits));
    let sign = if money.amount() < 0 { "-" } else { "" };
    let point = if minor.is_empty() { "" } else { "." };
    format!("{sign}{} {whole}{point}{minor}", money.currency().code())
}

fn of_lines(lines: &[wire::Line]) -> String {
    list(lines.iter().map(|line| units(line.quantity.units(), line.sku.as_str())))
}

fn units(count: u64, sku: &str) -> String {
    format!("{count} {sku}")
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use lakeside_domain::money::Currency;

    use super::*;

    #[test]
    fn an_amount_has_the_digits_of_its_currency() {
        let shown = |amount, currency| price(Money::new(amount, currency));
        assert_eq!(shown(24_900, Currency::USD), "USD 249.00");
        assert_eq!(shown(5, Currency::EUR), "EUR 0.05");
        assert_eq!(shown(-1250, Currency::USD), "-USD 12.50");
        assert_eq!(shown(1250, Currency::JPY), "JPY 1250");
    }
}
