//! Lakeside end to end, on a running local cloud. Every test has goods and orders of its own, so that all of them
//! can share one cloud.

mod adjustments;
mod analytics;
mod approval;
mod browser;
mod cancellation;
mod console;
mod contracts;
mod customer_orders;
mod door;
mod growth;
mod happy_path;
mod idempotency;
mod labels;
mod levels;
mod listings;
mod load;
mod low_stock;
mod malformed;
mod operations;
mod partners;
mod payments;
mod permissions;
mod ports;
mod recovery;
mod redelivery;
mod services;
mod stock;
mod telemetry;
mod throughput;
mod units;
