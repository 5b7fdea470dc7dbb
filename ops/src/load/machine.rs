//! The machine that measured, without which no figure means anything.

use std::{env::consts, fs, thread};

use serde::Serialize;

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processor's name, if the system says it.
    pub processor: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MB, if the system says it.
    pub memory_mb: Option<u64>,
    /// The system and the architecture.
    pub system: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_mb: field(&read("/proc/meminfo"), "MemTotal")
                .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
                .map(|kilobytes| kilobytes / 1024),
            system: format!("{} on {}", consts::OS, consts::ARCH),
        }
    }

    /// In one line.
    pub fn line(&self) -> String {
        let memory = self.memory_mb.map(|mb| format!(", {} GB", mb / 1024)).unwrap_or_default();
        let processor = self.processor.as_deref().unwrap_or("an unnamed processor");
        format!("{} cores of {processor}{memory}, {}", self.cores, self.system)
    }
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_in_one_line() {
        let machine = Machine {
            processor: field("processor\t: 0\nmodel name\t: A Fast One\n", "model name"),
            cores: 2,
            memory_mb: Some(24_000),
            system: "linux on x86_64".into(),
        };
        assert_eq!(machine.line(), "2 cores of A Fast One, 23 GB, linux on x86_64");
        assert!(Machine::this().cores > 0);
    }
}
