//! Fuzzing of everything that parses what comes from outside. The targets are the tests.
