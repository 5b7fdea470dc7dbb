//! Lakeside seen from outside: what the demo shows and the end-to-end tests check on a running cloud.
//!
//! Customers come with real tokens through the public door, partners with real credentials. What became of their orders is read where it is kept
//! (view, tables, processor, carrier, buses), never asked of the functions' own code.

pub use lakeside_deploy::signed;

pub mod adjustments;
pub mod api;
pub mod asl;
pub mod bench;
pub mod books;
pub mod capture;
pub mod cli;
pub mod cloud;
pub mod consumers;
pub mod contract_check;
pub mod customer;
pub mod demo;
pub mod demo_stock;
pub mod directory;
pub mod drill;
pub mod growth;
pub mod journey;
pub mod levels;
pub mod logs;
pub mod mailbox;
pub mod marketplaces;
pub mod partner;
pub mod poll;
pub mod processor_key;
pub mod queues;
pub mod records;
pub mod regions;
pub mod relay;
pub mod replay;
pub mod saga;
pub mod sandbox;
pub mod settings;
pub mod shop;
pub mod stock;
pub mod terminal;
pub mod units;
