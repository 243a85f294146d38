//! Every block of every page: code is built and answers, and a line that installs something is the one
//! that `selvedge build` says where that is missing.

use crate::page::Page;
use crate::project::{Project, repository};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The store that the pages open, and who may.
const STORE: &str = "keyvalue = [\"notes\"]\n";
const STORES: &str = "[keyvalue.notes]\n";
/// The class of objects that pages speak of.
const COUNTER: &str = "[components.counter]\nsource = \"counter/go\"\nlanguage = \"go\"\nworld = \"object\"\n\
     [objects.counter]\ncomponent = \"counter\"\n";

/// What the first project of a page is made of: its `selvedge.toml`, with the store that later code
/// opens.
fn with_store(page: &Page) -> Project {
    let component = page.block("toml", 0).to_owned();
    Project::serving(&format!("{component}{STORE}{STORES}"))
}

/// A page's fragment: the lines before its first empty one, and those behind.
fn parts(fragment: &str) -> (&str, &str) {
    fragment.split_once("\n\n").unwrap()
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

/// The line of a page that installs a tool is the one of the error.
fn installs(page: &Page, language: &str, module: &str) {
    let home = tempfile::tempdir().unwrap();
    let manifest = format!("[components.hello]\nsource = \"hello\"\nlanguage = \"{language}\"\n");
    let project = Project::serving(&manifest).with(module, "");
    let mut build = project.build();
    build.env("PATH", home.path()).env("HOME", home.path()).env_remove("XDG_CACHE_HOME");
    build.env_remove("WASI_SDK_PATH");
    let said = String::from_utf8(build.output().unwrap().stderr).unwrap();
    let line = said.split("install it by `").nth(1).and_then(|rest| rest.split('`').next());
    let line = line.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(page.block("sh", 0).trim(), line.replace(home.path().to_str().unwrap(), "~"));
}

#[test]
fn rust() {
    let page = Page::read("rust.md");
    let keep = "async fn keep() -> Result<(), bindings::selvedge::keyvalue::store::Error> {\n";
    let (module, fragment) = parts(page.block("rust", 1));
    let keep = format!("{module}\n\n{keep}{fragment}    drop(notes);\n    Ok(())\n}}\n");
    let main = page.block("rust", 0).replace(
        "async fn handle(request: Request) -> Result<Response, ErrorCode> {\n",
        "async fn handle(request: Request) -> Result<Response, ErrorCode> {\n        keep().await.map_err(|_| ErrorCode::InternalError(None))?;\n",
    );
    let mut project = with_store(&page)
        .with("hello/Cargo.toml", page.block("toml", 1))
        .with("hello/src/lib.rs", &format!("{main}\n{keep}"))
        .with_copy("hello/Cargo.lock", "components/Cargo.lock");
    for entry in files(&repository().join("wit")) {
        project = project.with_copy(&format!("../{entry}"), &entry);
    }
    assert_eq!(project.answers("/there?a=b"), "Hello from /there?a=b\n");

    let compiler = project.app().join("rustc");
    fs::write(&compiler, "#!/bin/sh\necho /nowhere\n").unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    let project = project.with("hello/src/lib.rs", "changed");
    let mut build = project.build();
    build.env("RUSTC", &compiler).env("XDG_CACHE_HOME", compiler.parent().unwrap());
    let said = String::from_utf8(build.output().unwrap().stderr).unwrap();
    assert!(said.contains(&format!("run `{}`", page.block("sh", 0).trim())), "{said}");
    page.is_used_up();
}

/// The files below a folder of the repository, as paths there.
fn files(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_some_and(|it| it == "wit") => {
                let path = path.strip_prefix(repository()).unwrap();
                found.push(path.display().to_string());
            }
            false => {}
        }
    }
    found
}

#[test]
fn go() {
    let page = Page::read("go.md");
    let main = page.block("go", 0);
    let module = "module hello\ngo 1.25\n";
    assert!(page.block("toml", 0).contains("go.mod: `module hello` and `go 1.25`"));
    let answer = Project::serving(page.block("toml", 0))
        .with("hello/go.mod", module)
        .with("hello/main.go", main)
        .answers("/there");
    assert_eq!(answer, "Hello from /there\n");

    let keep = format!(
        "package main\n\nimport (\n\"fmt\"\n\"hello/bindings/selvedge_keyvalue_store\"\n)\n\nfunc keep() error {{\n{}return nil\n}}\n",
        indented(page.block("go", 1), "\t")
    );
    let keeping = main.replace("func main() {}", "func main() {}\n\nvar kept = keep");
    let project = with_store(&page).with("hello/go.mod", module).with("hello/keep.go", &keep);
    let called = keeping.replace(
        "r *web.Request) {",
        "r *web.Request) {\n\tif err := kept(); err != nil {\n\t\tpanic(err)\n\t}\n",
    );
    assert_eq!(project.with("hello/main.go", &called).answers("/there"), "Hello from /there\n");

    // What the page leaves out: the struct and its methods, which are those of the example.
    let example = "components/counter/go/main.go";
    let example = fs::read_to_string(repository().join(example)).unwrap();
    let begin = example.find("func init() {").unwrap();
    let end = begin + example[begin..].find("\n}\n").unwrap() + 3;
    let object = format!("{}{}{}", &example[..begin], page.block("go", 2), &example[end..]);
    Project::of(COUNTER).with_counter(Some(&object)).is_built();
    installs(&page, "go", "hello/go.mod");
    page.is_used_up();
}

#[test]
fn c() {
    let page = Page::read("c.md");
    let main = page.block("c", 0);
    let answer =
        Project::serving(page.block("toml", 0)).with("hello/src/hello.c", main).answers("/there");
    assert_eq!(answer, "Hello from /there\n");
    let keeping = main
        .replace(
            "SELVEDGE_LOCALS; }",
            "SELVEDGE_LOCALS; selvedge_keyvalue_store_result_own_bucket_error_t bucket; }",
        )
        .replace("SELVEDGE_BEGIN(my);\n", &format!("SELVEDGE_BEGIN(my);\n{}", page.block("c", 1)));
    let answer = with_store(&page).with("hello/src/hello.c", &keeping).answers("/there");
    assert_eq!(answer, "Hello from /there\n");
    installs(&page, "c", "hello/src/hello.c");
    page.is_used_up();
}

#[test]
fn python() {
    let page = Page::read("python.md");
    let (imports, statements) = parts(page.block("python", 1));
    let keeping = page.block("python", 0).replace(
        "        return",
        &format!("{}        return", indented(statements.trim(), "        ")),
    );
    let answer = with_store(&page)
        .with("hello/src/app.py", &format!("{imports}\n{keeping}"))
        .answers("/there");
    assert_eq!(answer, "{\"path\":\"/there\"}");
    installs(&page, "python", "hello/src/app.py");
    page.is_used_up();
}

#[test]
fn typescript() {
    let page = Page::read("typescript.md");
    let answer = Project::serving(page.block("toml", 0))
        .with("hello/src/main.ts", page.block("ts", 0))
        .answers("/there");
    assert_eq!(answer, "{\"path\":\"/there\"}");

    let (imports, statements) = parts(page.block("ts", 1));
    let counting = "import { Counter } from \"demo:counter/counters\";\nexport const add = (by: bigint) => new Counter(\"a\").add(by);\n";
    let keeping = page.block("ts", 0).replace(
        "    const { pathname }",
        &format!("{}    const {{ pathname }}", indented(statements, "    ")),
    );
    let component = page.block("toml", 0).replace("selvedge:app/service-p2@0.1.0", "hello");
    let manifest = format!("{component}{STORE}objects = [\"counter\"]\n{STORES}{COUNTER}");
    let project = Project::serving(&manifest)
        .with("hello/wit/world.wit", page.block("wit", 0))
        .with_copy("hello/wit/deps/demo-counter/counter.wit", "components/counter/wit/counter.wit")
        .with("hello/src/count.ts", counting)
        .with("hello/src/main.ts", &format!("import \"./count\";\n{imports}\n{keeping}"))
        .with_counter(None);
    assert_eq!(project.answers("/there"), "{\"path\":\"/there\"}");
    page.is_used_up();
}

#[test]
fn javascript() {
    let page = Page::read("javascript.md");
    let answer = Project::serving(page.block("toml", 0))
        .with("hello/src/main.js", page.block("js", 0))
        .answers("/there");
    assert_eq!(answer, "You asked for /there\n");
    page.is_used_up();
}

/// The commands of the index, as a reader types them.
#[test]
fn index() {
    let page = Page::read("README.md");
    let place = tempfile::tempdir().unwrap();
    let own = std::path::Path::new(crate::host::SELVEDGE).parent().unwrap().display().to_string();
    let path = format!("{own}:{}", std::env::var("PATH").unwrap());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-euc", page.block("sh", 0)]).current_dir(place.path()).env("PATH", path);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    page.is_used_up();
}
