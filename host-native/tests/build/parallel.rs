//! Components that do not wait for each other.

use crate::app::App;
use crate::parts;

/// A component whose command waits, ten seconds at most, until another's has begun.
fn waiting_for(own: &str, other: &str) -> String {
    format!(
        r#"
[components.{own}]
source = "{own}"
build = """
touch ../{own}.begun
for i in $(seq 100); do
  if test -e ../{other}.begun; then exec cp service.bin out.wasm; fi
  sleep 0.1
done
exit 1
"""
wasm = "{own}/out.wasm"
[services.{own}]
component = "{own}"
routes = ["/{own}"]
"#
    )
}

#[test]
fn commands_of_two_components_run_at_once() {
    let service = parts::service("0.3.0", 200, None);
    let files = [("one/service.bin", service.as_slice()), ("two/service.bin", &service)];
    let app = App::new(&(waiting_for("one", "two") + &waiting_for("two", "one")), &files);
    app.build();
    assert_eq!((app.service("one"), app.service("two")), (service.clone(), service));
}
