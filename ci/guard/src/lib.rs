//! Tests of our own rules of AWS Config: see `tests/config_rules.rs`. There is nothing else here.
