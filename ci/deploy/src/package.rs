//! A package as it lies in a directory.

use std::{fs, path::Path};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// A zip with a `bootstrap` in it, and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The zip.
    pub bytes: Vec<u8>,
    /// Its SHA-256 in Base64, as Lambda tells it.
    pub code: String,
    /// The same in hexadecimal, for the name of an object.
    pub hex: String,
}

impl Package {
    /// Reads `<binary>.zip`.
    pub fn read(packages: &Path, binary: &str) -> anyhow::Result<Self> {
        let path = packages.join(format!("{binary}.zip"));
        let bytes = fs::read(&path)
            .with_context(|| format!("there is no package {}: make it first", path.display()))?;
        Ok(Self::of(bytes))
    }

    /// With the digest of the bytes.
    pub fn of(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes);
        Self { bytes, code: STANDARD.encode(digest), hex: hex::encode(digest) }
    }
}
