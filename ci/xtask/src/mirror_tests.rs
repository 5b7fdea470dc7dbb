//! Tests of the choice of a provider's source, on file systems made for them.

use super::*;

const VERSION: &str = "5.100.0";

fn wanted() -> Wanted {
    Wanted { version: Some(VERSION.into()), platform: "linux_amd64".into() }
}

fn unpacked(top: &Path, version: &str) {
    fs::create_dir_all(top.join(format!("registry.terraform.io/hashicorp/aws/{version}/linux_amd64")))
        .unwrap();
}

fn surroundings(top: &Path) -> Surroundings {
    Surroundings { cli_config: None, mirror: None, home: Some(top.join("home")), top: top.to_path_buf() }
}

#[test]
fn nothing_given_and_nothing_found_is_the_registry() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(find(&surroundings(dir.path()), &wanted()).unwrap(), Source::Registry);
}

#[test]
fn a_configuration_file_of_the_user_wins_when_it_exists() {
    let dir = tempfile::tempdir().unwrap();
    unpacked(&dir.path().join("plugins"), VERSION);
    let file = dir.path().join("cli.tfrc");
    let named = Surroundings { cli_config: Some(file.clone().into()), ..surroundings(dir.path()) };
    assert_eq!(find(&named, &wanted()).unwrap(), Source::Mirror(dir.path().join("plugins")));
    fs::write(&file, "").unwrap();
    assert_eq!(find(&named, &wanted()).unwrap(), Source::Configured(Some(file)));
}

#[test]
fn a_given_mirror_may_be_its_top_or_the_providers_directory() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("mirror");
    unpacked(&top, VERSION);
    for given in [top.clone(), top.join("registry.terraform.io/hashicorp/aws")] {
        let surroundings = Surroundings { mirror: Some(given.into()), ..surroundings(dir.path()) };
        assert_eq!(find(&surroundings, &wanted()).unwrap(), Source::Mirror(top.clone()));
    }
}

#[test]
fn a_given_mirror_without_the_provider_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let surroundings = Surroundings { mirror: Some(dir.path().into()), ..surroundings(dir.path()) };
    let error = find(&surroundings, &wanted()).unwrap_err().to_string();
    assert!(error.contains("LAKESIDE_TERRAFORM_MIRROR") && error.contains(VERSION), "{error}");
}

#[test]
fn a_mirror_is_found_within_the_bounds_and_with_the_locked_version_only() {
    let dir = tempfile::tempdir().unwrap();
    unpacked(&dir.path().join("a/other"), "6.0.0");
    unpacked(&dir.path().join("proc/plugins"), VERSION);
    unpacked(&dir.path().join("a/b/c/d/too/deep"), VERSION);
    assert_eq!(find(&surroundings(dir.path()), &wanted()).unwrap(), Source::Registry);
    let packed = dir.path().join("share/mirror/registry.terraform.io/hashicorp/aws");
    fs::create_dir_all(&packed).unwrap();
    fs::write(packed.join("terraform-provider-aws_5.100.0_linux_amd64.zip"), "").unwrap();
    assert_eq!(
        find(&surroundings(dir.path()), &wanted()).unwrap(),
        Source::Mirror(dir.path().join("share/mirror"))
    );
}

#[test]
fn a_users_own_installation_rules_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    unpacked(&dir.path().join("plugins"), VERSION);
    fs::create_dir_all(dir.path().join("home")).unwrap();
    fs::write(dir.path().join("home/.terraformrc"), "provider_installation {}").unwrap();
    assert_eq!(find(&surroundings(dir.path()), &wanted()).unwrap(), Source::Configured(None));
}

#[test]
fn the_configuration_names_the_mirror_and_leaves_other_providers_to_the_registry() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("terraform/cli.tfrc");
    assert_eq!(configure(&Source::Mirror("/a \"b\" ${c}".into()), &file).unwrap(), Some(file.clone()));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#"path    = "/a \"b\" $${c}""#), "{text}");
    assert!(text.contains(r#"exclude = ["registry.terraform.io/hashicorp/aws"]"#), "{text}");
    assert_eq!(configure(&Source::Registry, &file).unwrap(), Some(file.clone()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "disable_checkpoint = true\n");
    assert_eq!(configure(&Source::Configured(None), &file).unwrap(), None);
}

#[test]
fn the_locked_version_is_read_from_the_lock_file() {
    let lock = "provider \"registry.terraform.io/hashicorp/aws\" {\n  version     = \"5.100.0\"\n  constraints = \"~> 5.100\"\n}\n";
    assert_eq!(locked_version(lock).as_deref(), Some("5.100.0"));
    assert_eq!(locked_version(""), None);
}
