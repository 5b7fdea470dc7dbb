//! Deterministic simulation of the functions under faults.
