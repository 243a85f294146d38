//! The results as a picture: a bar for each service on each host, beside the one in Rust.

use super::bars::{Bar, Line, Picture};
use super::report::Results;
use super::rounds::CONNECTIONS;
use super::services::{ALL, Host};

/// The picture, as SVG.
pub(crate) fn svg(results: &Results) -> String {
    let mut lines = Vec::new();
    for host in Host::ALL {
        lines.push(Line::Heading(match host {
            Host::Native => "On the native host".to_owned(),
            Host::Workerd => "In workerd".to_owned(),
        }));
        lines.extend(ALL.iter().filter_map(|service| {
            let requests = results.of(service, host, "requests")?.value;
            let ratio = results.of(service, host, "requests-over-rust")?.value;
            Some(Line::Bar(Bar {
                label: service.label.to_owned(),
                length: ratio,
                value: format!("{:.1}k", requests / 1e3),
                note: format!("{:.0} %", ratio * 100.0),
                is_baseline: service.baseline == service.name,
            }))
        }));
    }
    let picture = Picture {
        label: "Requests a second in every language, beside Rust",
        title: &format!("Requests a second, {CONNECTIONS} connections"),
        subtitle: "a note is read from a store, or a request told; the share is of the same in Rust",
        lines,
    };
    picture.svg()
}

#[cfg(test)]
mod tests {
    use super::svg;
    use crate::report::tests::all_of;
    use crate::services::{ALL, Host};

    #[test]
    fn every_service_has_a_bar_on_every_host() {
        let text = svg(&all_of(0.5));
        assert_eq!(text.matches("<rect").count(), ALL.len() * Host::ALL.len());
        assert!(text.contains(r#"width="165.0" height="24" rx="3" class="base""#), "{text}");
        assert!(text.contains(">In workerd</text>"), "{text}");
    }
}
