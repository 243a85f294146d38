//! A component that exports an interface of its own; `user-of-dep` declares it as a dependency.

wit_bindgen::generate!({ path: "wit", world: "greeter" });

struct Greeter;

export!(Greeter);

impl exports::probe::greeter::greet::Guest for Greeter {
    fn greet(name: String) -> String {
        format!("dep greets {name}")
    }
}
