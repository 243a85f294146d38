//! Outbound HTTP: a guest reaches the hosts that its manifest grants, and no other.

use crate::app::app;
use crate::logging::Line;
use selvedge_contract::host::split_port;
use wasm_bindgen::prelude::wasm_bindgen;

/// Says whether a composition may send a request to this authority.
#[wasm_bindgen(js_name = outboundAllowed)]
pub fn allowed(composition: usize, is_http: bool, authority: &str) -> bool {
    let app = app();
    let Some(composition) = app.compositions.get(composition) else { return false };
    let (host, port) = split_port(authority);
    let port = match port {
        None if is_http => Some(80),
        None => Some(443),
        Some(digits) => digits.parse().ok(),
    };
    let allowed = port.is_some_and(|port| {
        composition.allow_hosts.iter().any(|pattern| pattern.matches(host, port))
    });
    if !allowed {
        Line::new("WARN", "selvedge")
            .with("message", "an outbound request was refused: the host is not in allow-hosts")
            .with("service", &composition.name)
            .with("authority", authority)
            .write();
    }
    allowed
}
