//! Deployment packages: for each function a zip that holds its binary as `bootstrap`, the same bytes each time.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::functions::Function;
use crate::interrupt;
use crate::layout::{Layout, create_dir, remove_file};
use crate::progress::Progress;

/// Extension of the file beside a package that says which build is in it.
const BUILD: &str = "build";

/// Packages every function whose binary is another than at the last time, and removes packages of functions that are
/// gone.
pub fn package(layout: &Layout, progress: &Progress, functions: &[Function]) -> anyhow::Result<()> {
    let step = progress.step("package the functions");
    let artifacts = layout.artifacts();
    create_dir(&artifacts)?;
    let stale: Vec<(PathBuf, PathBuf)> = functions
        .iter()
        .map(|function| (layout.binary(&function.name), artifacts.join(format!("{}.zip", function.name))))
        .filter(|(binary, package)| !is_packaged(binary, package))
        .collect();
    remove_strangers(&artifacts, functions)?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    for pair in stale.chunks(workers) {
        interrupt::check()?;
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                pair.iter().map(|(binary, package)| scope.spawn(|| write_package(binary, package))).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| anyhow!("packaging a function panicked"))?)
        })?;
        if let Some((_, package)) = pair.last() {
            step.note(&layout.shown(package).to_string());
        }
    }
    step.done(&format!("{} of {} were out of date", stale.len(), functions.len()));
    Ok(())
}

/// Which build of a binary a package holds. Cargo may put an older build back in place, so the time alone says nothing.
fn build_of(binary: &Path) -> io::Result<String> {
    let metadata = fs::metadata(binary)?;
    Ok(format!("{} {} {} {}", metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

fn is_packaged(binary: &Path, package: &Path) -> bool {
    let recorded = fs::read_to_string(package.with_extension(BUILD));
    package.is_file()
        && matches!((recorded, build_of(binary)), (Ok(recorded), Ok(build)) if recorded == build)
}

fn remove_strangers(artifacts: &Path, functions: &[Function]) -> anyhow::Result<()> {
    let entries = fs::read_dir(artifacts).with_context(|| format!("cannot list {}", artifacts.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let known = path
            .file_stem()
            .is_some_and(|stem| functions.iter().any(|function| stem == function.name.as_str()));
        if !known {
            remove_file(&path)?;
        }
    }
    Ok(())
}

/// Writes a package whole or not at all, and which build it holds.
fn write_package(binary: &Path, package: &Path) -> anyhow::Result<()> {
    let new = package.with_extension("new");
    let write = || -> anyhow::Result<()> {
        let build = build_of(binary)?;
        let mut source = File::open(binary)?;
        let mut zip = ZipWriter::new(BufWriter::new(File::create(&new)?));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(1))
            .last_modified_time(DateTime::default())
            .unix_permissions(0o755);
        zip.start_file("bootstrap", options)?;
        io::copy(&mut source, &mut zip)?;
        zip.finish()?;
        fs::rename(&new, package)?;
        fs::write(package.with_extension(BUILD), build)?;
        Ok(())
    };
    write().with_context(|| format!("cannot package {}", binary.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_same_binary_makes_the_same_package() {
        let dir = tempfile::tempdir().unwrap();
        let binary = dir.path().join("order-query");
        fs::write(&binary, vec![7; 100_000]).unwrap();
        let (one, two) = (dir.path().join("one.zip"), dir.path().join("two.zip"));
        write_package(&binary, &one).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o600)).unwrap();
        write_package(&binary, &two).unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    }

    #[test]
    fn a_package_holds_an_executable_bootstrap_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let binary = dir.path().join("order-query");
        fs::write(&binary, b"\x7fELF").unwrap();
        let package = dir.path().join("order-query.zip");
        write_package(&binary, &package).unwrap();
        let mut archive = zip::ZipArchive::new(File::open(&package).unwrap()).unwrap();
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_name("bootstrap").unwrap();
        assert_eq!(file.unix_mode().unwrap() & 0o777, 0o755);
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"\x7fELF");
    }

    #[test]
    fn a_package_is_out_of_date_once_the_binary_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let (binary, package) = (dir.path().join("order-query"), dir.path().join("order-query.zip"));
        fs::write(&binary, "one").unwrap();
        assert!(!is_packaged(&binary, &package));
        write_package(&binary, &package).unwrap();
        assert!(is_packaged(&binary, &package));
        fs::rename(&binary, dir.path().join("newer")).unwrap();
        fs::write(&binary, "two").unwrap();
        assert!(!is_packaged(&binary, &package));
    }

    #[test]
    fn a_package_without_its_function_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("order-query.zip"), "").unwrap();
        fs::write(dir.path().join("renamed.zip"), "").unwrap();
        remove_strangers(dir.path(), &[Function { name: "order-query".into(), squad: "orders".into() }])
            .unwrap();
        assert!(dir.path().join("order-query.zip").exists());
        assert!(!dir.path().join("renamed.zip").exists());
    }
}
