//! `selvedge wit`: what it prints, and what it says where something is wrong.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::process::{Command, Output};

fn wit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_selvedge")).arg("wit").args(arguments).output().unwrap()
}

fn ok(arguments: &[&str]) -> String {
    let output = wit(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn packages_are_listed_shown_and_exported() {
    assert!(ok(&["list"]).contains("\nselvedge:keyvalue@0.1.0 "));
    assert!(ok(&["show"]).contains("package selvedge:keyvalue@0.1.0;"));
    assert!(ok(&["show", "wasi:http/types@0.3.0"]).contains("resource request {"));
    let place = tempfile::tempdir().unwrap();
    let deps = place.path().join("wit/deps");
    let said = ok(&["export", deps.to_str().unwrap()]);
    assert!(said.ends_with(&format!(" packages in {}\n", deps.display())), "{said}");
    assert!(deps.join("wasi-http-0.3.0/http.wit").is_file());
}

#[test]
fn the_wit_of_a_component_is_shown() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.wasm");
    let component =
        "(component (import \"me:app/greet@1.0.0\" (instance (export \"hello\" (func)))))";
    std::fs::write(&path, wat::parse_str(component).unwrap()).unwrap();
    assert!(ok(&["show", path.to_str().unwrap()]).contains("import me:app/greet@1.0.0;"));
}

#[test]
fn what_is_wrong_is_told_in_one_sentence() {
    for (arguments, sentence) in [
        (
            ["show", "selvedge:nothing"],
            "error: there is no package or interface \"selvedge:nothing\" in selvedge; `selvedge wit list` prints all",
        ),
        (["show", "nothing.wasm"], "error: cannot access nothing.wasm: "),
        (["show", env!("CARGO_BIN_EXE_selvedge")], " is not a component: it is not WebAssembly"),
    ] {
        let output = wit(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(sentence), "{said}");
    }
}
