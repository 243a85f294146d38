//! The standard WIT in `wit/deps` is what `wit/deps.lock` says, file by file.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it says")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Package {
    name: String,
    version: String,
    folder: String,
    crate_name: String,
    crate_version: String,
    crate_path: String,
    licence: String,
    sha256: BTreeMap<String, String>,
}

/// The lock file of cargo, as far as it concerns us.
#[derive(Deserialize)]
struct CargoLock {
    package: Vec<CargoPackage>,
}

#[derive(Deserialize)]
struct CargoPackage {
    name: String,
    version: String,
}

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn lock() -> Lock {
    toml::from_str(&fs::read_to_string(wit().join("deps.lock")).unwrap()).unwrap()
}

/// What is wrong with a folder of standard WIT, judged by its lock.
fn differences(deps: &Path, lock: &Lock) -> Vec<String> {
    let mut found = Vec::new();
    let mut locked = BTreeSet::from([PathBuf::from("README.md")]);
    for package in &lock.package {
        for (file, sha256) in &package.sha256 {
            let path = Path::new(&package.folder).join(file);
            match fs::read(deps.join(&path)) {
                Err(error) => found.push(format!("{}: {error}", path.display())),
                Ok(bytes) => {
                    let hash = hex(&Sha256::digest(bytes));
                    if hash != *sha256 {
                        let path = path.display();
                        found.push(format!("{path} differs: {file:?} = {hash:?}"));
                    }
                }
            }
            locked.insert(path);
        }
    }
    for path in files(deps, Path::new("")) {
        if !locked.contains(&path) {
            found.push(format!("{} is not in the lock", path.display()));
        }
    }
    found
}

/// All files under a folder, by their path in it.
fn files(root: &Path, inner: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root.join(inner)).unwrap() {
        let entry = entry.unwrap();
        let path = inner.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(root, &path));
        } else {
            all.push(path);
        }
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_file_is_the_one_that_was_locked() {
    let found = differences(&wit().join("deps"), &lock());
    assert!(found.is_empty(), "wit/deps is not what wit/deps.lock says:\n{}", found.join("\n"));
}

#[test]
fn a_file_that_differs_is_missing_or_is_too_much_is_found() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wit_lock");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("a/deep")).unwrap();
    fs::write(folder.join("a/same.wit"), "same").unwrap();
    fs::write(folder.join("a/other.wit"), "other").unwrap();
    fs::write(folder.join("a/deep/more.wit"), "more").unwrap();
    let same = hex(&Sha256::digest("same"));
    let lock = toml::from_str(&format!(
        r#"
        [[package]]
        name = "wasi:a"
        version = "1"
        folder = "a"
        crate-name = "a"
        crate-version = "1"
        crate-path = "."
        licence = "none"
        sha256 = {{ "same.wit" = "{same}", "other.wit" = "{same}", "gone.wit" = "{same}" }}
        "#
    ))
    .unwrap();
    let found = differences(&folder, &lock);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("a/gone.wit: "), "{found:#?}");
    assert!(found[1].starts_with("a/other.wit differs"), "{found:#?}");
    assert_eq!(found[2], "a/deep/more.wit is not in the lock");
}

#[test]
fn each_folder_holds_the_package_and_version_that_the_lock_names() {
    for package in lock().package {
        let declared: Vec<String> = package
            .sha256
            .keys()
            .map(|file| wit().join("deps").join(&package.folder).join(file))
            .flat_map(|path| {
                fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|line| line.starts_with("package "))
            .collect();
        let line = format!("package {}@{};", package.name, package.version);
        assert_eq!(declared, [line], "in wit/deps/{}", package.folder);
        assert_eq!(package.licence, "Apache-2.0 WITH LLVM-exception");
        assert!(!package.crate_path.is_empty());
    }
}

#[test]
fn the_locked_interfaces_are_of_the_version_of_the_engine() {
    let cargo = fs::read_to_string(wit().join("../Cargo.lock")).unwrap();
    let cargo: CargoLock = toml::from_str(&cargo).unwrap();
    let engine: Vec<&str> = cargo
        .package
        .iter()
        .filter(|package| package.name == "wasmtime-wasi-http")
        .map(|package| package.version.as_str())
        .collect();
    assert_eq!(engine.len(), 1, "one wasmtime-wasi-http in Cargo.lock");
    for package in lock().package {
        let (name, source) = (&package.name, &package.crate_name);
        assert_eq!(
            package.crate_version, engine[0],
            "{name} comes from {source}; renew it as wit/deps/README.md says"
        );
    }
}
