//! From the domain's values to the wire's and back.

use lakeside_domain::{adjustment, allocation, order, reservation};

use crate::events::{AdjustedLine, Line, PricedLine, Shipment, Shortage};

impl From<&order::PricedLine> for PricedLine {
    fn from(line: &order::PricedLine) -> Self {
        Self { sku: line.sku.clone(), quantity: line.quantity, unit_price: line.unit_price }
    }
}

impl From<&PricedLine> for Line {
    fn from(line: &PricedLine) -> Self {
        Self { sku: line.sku.clone(), quantity: line.quantity }
    }
}

impl From<&reservation::Line> for Line {
    fn from(line: &reservation::Line) -> Self {
        Self { sku: line.sku.clone(), quantity: line.quantity }
    }
}

impl From<&Line> for reservation::Line {
    fn from(line: &Line) -> Self {
        Self { sku: line.sku.clone(), quantity: line.quantity }
    }
}

impl From<&adjustment::Line> for AdjustedLine {
    fn from(line: &adjustment::Line) -> Self {
        Self { sku: line.sku.clone(), units: line.units }
    }
}

impl From<AdjustedLine> for adjustment::Line {
    fn from(line: AdjustedLine) -> Self {
        Self { sku: line.sku, units: line.units }
    }
}

impl From<&allocation::Shipment> for Shipment {
    fn from(shipment: &allocation::Shipment) -> Self {
        Self {
            shipment_id: shipment.shipment_id,
            node: shipment.node.clone(),
            lines: shipment.lines.iter().map(Line::from).collect(),
        }
    }
}

impl From<&reservation::Shortage> for Shortage {
    fn from(shortage: &reservation::Shortage) -> Self {
        Self { sku: shortage.sku.clone(), requested: shortage.requested }
    }
}
