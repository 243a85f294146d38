//! What the bundle begins with: for a service of the web (`export default { fetch }`) the few lines
//! that answer HTTP with it, for QuickJS also what the web has and it has not.

use super::plain::{Http, Plain};
use crate::Engine;
use std::fmt::Write as _;
use std::path::Path;

/// The part that looks into the author's module and calls the tools.
const SCRIPT: &str = include_str!("build.mjs");

/// What stands in for the interfaces of the web on QuickJS.
const QUICKJS: [(&str, &str); 7] = [
    ("quickjs/console.js", include_str!("quickjs/console.js")),
    ("quickjs/fetch.js", include_str!("quickjs/fetch.js")),
    ("quickjs/http.js", include_str!("quickjs/http.js")),
    ("quickjs/messages.js", include_str!("quickjs/messages.js")),
    ("quickjs/text.js", include_str!("quickjs/text.js")),
    ("quickjs/url.js", include_str!("quickjs/url.js")),
    ("quickjs/web.js", include_str!("quickjs/web.js")),
];

/// The files beside the author's module, by their names.
pub(super) fn files(plain: &Plain, engine: Engine, module: &Path) -> Vec<(&'static str, String)> {
    let mut files = vec![
        ("build.mjs", SCRIPT.to_owned()),
        ("wit/world.wit", plain.wit.clone()),
        ("imports.txt", plain.imports.join("\n")),
        ("entry.explicit.js", explicit(plain, engine, module)),
    ];
    if let Some(http) = plain.http {
        files.push(("entry.fetch.js", fetch(plain, engine, http, module)));
    }
    if engine == Engine::QuickJs {
        files.extend(QUICKJS.map(|(name, text)| (name, text.to_owned())));
    }
    files
}

/// For a module that exports what the world exports, by itself.
fn explicit(plain: &Plain, engine: Engine, module: &Path) -> String {
    let mut text = prelude(plain, engine);
    let _ = writeln!(text, "export * from {};", quoted(module));
    text
}

/// For a module whose default export answers requests of the web.
fn fetch(plain: &Plain, engine: Engine, http: Http, module: &Path) -> String {
    let mut text = prelude(plain, engine);
    let _ = writeln!(text, "import app from {};", quoted(module));
    let _ = writeln!(text, "export * from {};", quoted(module));
    text.push_str(match http {
        // What `fetch` throws becomes a rejection, and so an answer.
        Http::P2 => "addEventListener(\"fetch\", (event) => event.respondWith((async () => app.fetch(event.request))()));\n",
        Http::P3 => "import { handler as answering } from \"./quickjs/http.js\";\nexport const handler = answering(app);\n",
    });
    text
}

/// Comes first, so that it is there when the author's module is evaluated.
fn prelude(plain: &Plain, engine: Engine) -> String {
    if engine != Engine::QuickJs {
        return String::new();
    }
    let has = |name: &str| plain.imports.iter().any(|import| import.starts_with(name));
    let mut text = "import \"./quickjs/web.js\";\n".to_owned();
    if has("wasi:cli/stderr@0.2.") {
        text.push_str("import \"./quickjs/console.js\";\n");
    }
    text
}

/// A path as a text of JavaScript.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}
