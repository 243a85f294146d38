//! Ctrl-C: whenever it comes, there is no half of anything. And what `selvedge new` asks on a terminal.
//! The tools of the languages have to be installed (`just setup`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "build/app.rs"]
#[allow(dead_code, reason = "these tests need little of it")]
mod app;

use app::App;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const SELVEDGE: &str = env!("CARGO_BIN_EXE_selvedge");
/// The signal of Ctrl-C.
const INTERRUPT: i32 = 2;
/// The longest that something may take to come.
const SOON: Duration = Duration::from_secs(30);

/// Starts a command as a terminal would: it can be interrupted with all that it starts.
fn start(command: &mut Command) -> Child {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What Ctrl-C does.
fn interrupt(child: &mut Child) -> ExitStatus {
    let group = format!("-{}", child.id());
    // It may have ended before.
    let _ = Command::new("kill").args(["-s", "INT", "--", &group]).stderr(Stdio::null()).status();
    child.wait().unwrap()
}

const SERVICE: &str = "[components.one]\nsource = \"one\"\nlanguage = \"c\"\n\
     [services.one]\ncomponent = \"one\"\nroutes = [\"/*\"]\n";

/// A service in C that says something.
fn saying(text: &str) -> String {
    format!(
        "#include \"selvedge_http.h\"\nstruct locals {{ SELVEDGE_LOCALS; }};\n\
         static selvedge_progress_t handle(selvedge_request_t *request, selvedge_response_t *response, struct locals *my) {{\n\
         (void)request;\nSELVEDGE_BEGIN(my);\nselvedge_print(response, \"{text}\");\nSELVEDGE_END(my);\n}}\n\
         SELVEDGE_HTTP_SERVICE(handle, struct locals)\n"
    )
}

fn holds(component: &[u8], text: &str) -> bool {
    component.windows(text.len()).any(|part| part == text.as_bytes())
}

/// A compiler that has written the half of a module is interrupted, and the build with it.
#[test]
fn half_a_module_is_never_picked_up() {
    let app = App::new(SERVICE, &[("one/src/one.c", saying("the first").as_bytes())]);
    app.build();
    let before = app.service("one");
    assert!(holds(&before, "the first"));

    app.write("one/src/one.c", saying("the second").as_bytes());
    let compiler = "#!/bin/sh\n[ \"$1\" = version ] && echo 0.17.0 && exit\n\
         for word; do out=$word; done\nprintf '\\0asm' > \"$out\"\ntouch reached\nsleep 60\n";
    let zig = app.path("one/.venv/bin/zig");
    app.write("one/.venv/bin/zig", compiler.as_bytes());
    fs::set_permissions(&zig, fs::Permissions::from_mode(0o755)).unwrap();
    let mut build = start(&mut app.command(&["build"]));
    let begun = Instant::now();
    while !app.path("one/reached").exists() {
        assert!(begun.elapsed() < SOON, "the compiler was not started");
        sleep(Duration::from_millis(5));
    }
    assert_eq!(interrupt(&mut build).signal(), Some(INTERRUPT));
    assert!(begun.elapsed() < SOON, "something was waited for");
    // What was served before is as it was.
    assert_eq!(app.service("one"), before);
    assert_eq!(app.list(".selvedge/services"), ["one.wasm"]);

    fs::remove_file(&zig).unwrap();
    app.build();
    assert!(holds(&app.service("one"), "the second"));
}

#[test]
fn a_build_that_was_interrupted_at_any_moment_is_made_up_for_by_the_next() {
    let app = App::new(SERVICE, &[("one/src/one.c", saying("number 0").as_bytes())]);
    let begun = Instant::now();
    app.build();
    let whole = begun.elapsed();
    const MOMENTS: u32 = 12;
    let mut interrupted = 0;
    for moment in 1..=MOMENTS {
        let text = format!("number {moment}");
        app.write("one/src/one.c", saying(&text).as_bytes());
        let mut build = start(&mut app.command(&["build"]));
        sleep(whole * moment / MOMENTS);
        interrupted += u32::from(interrupt(&mut build).signal() == Some(INTERRUPT));
        app.build();
        assert!(holds(&app.service("one"), &text), "{text} is not served");
        assert_eq!(app.list(".selvedge/services"), ["one.wasm"]);
        let said = app.build().stderr;
        assert!(said.contains("nothing has changed"), "{said}");
    }
    assert!(interrupted > 2, "only {interrupted} builds were interrupted");
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path.display().to_string()),
        }
    }
    found.sort();
    found
}

#[test]
fn a_project_is_there_as_a_whole_or_not_at_all() {
    let new = |place: &Path| {
        let mut new = Command::new(SELVEDGE);
        new.args(["new", "mine", "--lang", "rust"]).current_dir(place);
        new
    };
    let relative = |place: &Path| -> Vec<String> {
        let root = place.display().to_string();
        files(place).into_iter().map(|path| path.replace(&root, "")).collect()
    };
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    assert!(start(&mut new(place.path())).wait().unwrap().success());
    let took = begun.elapsed();
    let whole = relative(place.path());
    assert!(whole.len() > 5, "{whole:?}");
    const MOMENTS: u32 = 40;
    for moment in 0..MOMENTS {
        let place = tempfile::tempdir().unwrap();
        let mut child = start(&mut new(place.path()));
        sleep(took * moment / MOMENTS);
        let status = interrupt(&mut child);
        let there = relative(place.path());
        match status.success() {
            true => assert_eq!(there, whole),
            false => {
                assert_eq!(status.signal(), Some(INTERRUPT));
                assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{there:?}");
            }
        }
    }
}

/// `selvedge new` on a terminal of its own, which `script` makes.
struct Asked {
    script: Child,
    said: String,
}

impl Asked {
    fn begin(place: &Path, arguments: &str) -> Self {
        let mut script = Command::new("script");
        script.args(["-qec", &format!("{SELVEDGE} new {arguments}"), "/dev/null"]);
        script.current_dir(place).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { script: script.spawn().unwrap(), said: String::new() }
    }

    /// Waits until this was said, and types an answer.
    fn answer(&mut self, question: &str, answer: &str) {
        let output = self.script.stdout.as_mut().unwrap();
        let mut read = String::new();
        while !read.ends_with(question) {
            let mut byte = [0];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "no {question:?} in {read:?}");
            read.push(char::from(byte[0]));
        }
        self.said.push_str(&read);
        let input = self.script.stdin.as_mut().unwrap();
        input.write_all(answer.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// How it ended, and all that it said.
    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.script.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
        self.said.push_str(&rest);
        (self.script.wait().unwrap(), self.said)
    }
}

#[test]
fn a_terminal_is_asked_for_what_was_not_said() {
    let place = tempfile::tempdir().unwrap();
    let mut new = Asked::begin(place.path(), "");
    new.answer("Name, like my-app: ", "My App\n");
    new.answer("write it like \"my-name\"\r\nName, like my-app: ", "mine\n");
    new.answer("Language (rust, go, javascript, typescript, python, c): ", "cobol\n");
    new.answer("typescript, python, c): ", "rust\n");
    new.answer("Template (http, object, middleware) [http]: ", "object\n");
    let (status, said) = new.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("\"cobol\" is none of rust, go,"), "{said}");
    assert!(said.contains("Created mine, a durable object, and a service that calls it, in rust"));
    assert!(place.path().join("mine/object/src/lib.rs").is_file());

    // What is there is not asked for again, and what was said is not asked at all.
    let mut new = Asked::begin(place.path(), "--lang c");
    new.answer("Name, like my-app: ", "mine\n");
    new.answer("there is already a mine here; take another name\r\nName, like my-app: ", "yours\n");
    let (status, said) = new.end();
    assert!(status.success() && !said.contains("Language"), "{said}");
    assert!(place.path().join("yours/service/src/service.c").is_file());
}

#[test]
fn ctrl_c_at_a_question_creates_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut new = Asked::begin(place.path(), "mine");
    // What a terminal makes of it is its own affair.
    new.answer("python, c): ", "\u{3}");
    let (status, said) = new.end();
    assert!(!status.success(), "{said}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    // Ctrl-D ends the answers.
    let mut new = Asked::begin(place.path(), "mine");
    new.answer("python, c): ", "\u{4}");
    let (status, said) = new.end();
    assert!(!status.success() && said.contains("nothing was created"), "{said}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}
