//! Sends back what it is given, in every way that values, resources, streams and calls cross from one
//! component to another. `crossing-near` and `crossing-between` declare it as a dependency.

mod calls;
mod streams;
mod things;
mod values;

mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "far",
        // Asynchronous functions whose code does not give its stack back while it waits.
        sync: [
            "export:test:crossing/calls@0.1.0#block",
            "export:test:crossing/calls@0.1.0#block-for-it",
            "export:test:crossing/calls@0.1.0#block-in-turns",
        ],
    });
}

struct Far;

bindings::export!(Far with_types_in bindings);
