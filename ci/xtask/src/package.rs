//! Deployment packages: for each function a zip that holds its binary as `bootstrap`, the same bytes each time.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::functions::{self, Function};
use crate::layout::{Layout, create_dir, remove_dir, remove_file};
use crate::progress::Progress;
use crate::{interrupt, run};

/// Extension of the file beside a package that says which build is in it.
const BUILD: &str = "build";

/// The C library that Lambda's Amazon Linux 2023 has.
const LAMBDAS_GLIBC: (u32, u32) = (2, 34);
/// What an arm64 binary says of itself, at this place.
const MACHINE: (usize, [u8; 2]) = (18, [0xb7, 0x00]);

/// What is packaged for Lambda.
#[derive(Args)]
pub struct Options {
    /// Whose functions: a squad, or a consumer in a directory of its own. What all squads share comes along
    #[arg(long)]
    squad: String,
    /// Build for arm64 by cargo-lambda, as pipelines do; without it for this machine, as the local cloud runs them
    #[arg(long)]
    arm64: bool,
    /// The directory for the packages; `.local/packages/<squad>` if not given
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Builds the functions of a squad as they are deployed, and packages them into an empty directory.
pub fn package_squad(layout: &Layout, progress: &Progress, options: &Options) -> anyhow::Result<()> {
    let all = functions::list(layout)?;
    let chosen = functions::of_squad(layout, &all, &options.squad)?;
    let step = progress.step(&format!("build the functions of {}", options.squad));
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root);
    if options.arm64 {
        let glibc = format!("aarch64-unknown-linux-gnu.{}.{}", LAMBDAS_GLIBC.0, LAMBDAS_GLIBC.1);
        command.args(["lambda", "build", "--target", &glibc, "--lambda-dir"]).arg(arm64_dir(layout));
    } else {
        command.arg("build");
    }
    command.args(["--profile", "lambda", "--locked", "--color", "never"]);
    command.args(chosen.iter().flat_map(|function| ["--bin", function.name.as_str()]));
    run::logged(&step, "the build", &mut command, &layout.logs().join("package.log"))?;
    step.done("");

    let step = progress.step(&format!("package the functions of {}", options.squad));
    let out = options.out.clone().unwrap_or_else(|| layout.local.join("packages").join(&options.squad));
    remove_dir(&out)?;
    create_dir(&out)?;
    for function in &chosen {
        let binary = if options.arm64 {
            arm64_dir(layout).join(&function.name).join("bootstrap")
        } else {
            layout.target.join("lambda").join(&function.name)
        };
        if options.arm64 {
            let bytes = fs::read(&binary).with_context(|| format!("cannot read {}", binary.display()))?;
            runs_on_lambda(&bytes).with_context(|| format!("{} would not run on Lambda", function.name))?;
        }
        write_package(&binary, &out.join(format!("{}.zip", function.name)))?;
        // Which build it was is of interest where packages are made again.
        remove_file(&out.join(format!("{}.{BUILD}", function.name)))?;
    }
    step.done(&format!("{} packages in {}", chosen.len(), layout.shown(&out)));
    Ok(())
}

/// Apart from what is built for this machine, whose profile is called `lambda` too.
fn arm64_dir(layout: &Layout) -> PathBuf {
    layout.target.join("lambda-arm64")
}

/// Says why a binary would not start there: another processor, or a newer C library.
fn runs_on_lambda(binary: &[u8]) -> anyhow::Result<()> {
    let (place, arm64) = MACHINE;
    if !binary.starts_with(b"\x7fELF") || binary.get(place..place + 2) != Some(arm64.as_slice()) {
        bail!("it is not for arm64");
    }
    match newest_glibc(binary) {
        Some(version) if version > LAMBDAS_GLIBC => {
            bail!(
                "it wants glibc {}.{}, and there is {}.{}",
                version.0,
                version.1,
                LAMBDAS_GLIBC.0,
                LAMBDAS_GLIBC.1
            )
        }
        _ => Ok(()),
    }
}

/// The newest C library that a binary names among the versions of what it calls.
fn newest_glibc(binary: &[u8]) -> Option<(u32, u32)> {
    const NAME: &[u8] = b"GLIBC_";
    let names = binary.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    names
        .filter_map(|(start, _)| {
            let rest = binary.get(start + NAME.len()..)?;
            let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
            let mut parts = std::str::from_utf8(rest.get(..end)?).ok()?.split('.');
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        })
        .max()
}

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
    fn a_binary_for_another_processor_or_a_newer_c_library_is_refused() {
        let elf = |machine: u8, names: &str| {
            let mut bytes = b"\x7fELF".to_vec();
            bytes.resize(18, 0);
            bytes.extend([machine, 0]);
            bytes.extend(names.as_bytes());
            bytes
        };
        assert!(runs_on_lambda(&elf(0xb7, "GLIBC_2.17\0GLIBC_2.34\0GLIBC_PRIVATE\0")).is_ok());
        let newer = runs_on_lambda(&elf(0xb7, "GLIBC_2.9\0GLIBC_2.39\0")).unwrap_err().to_string();
        assert_eq!(newer, "it wants glibc 2.39, and there is 2.34");
        let other = runs_on_lambda(&elf(0x3e, "GLIBC_2.17\0")).unwrap_err().to_string();
        assert_eq!(other, "it is not for arm64");
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
