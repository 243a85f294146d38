//! The conformance suite: cases as data files, run over HTTP against a host that the suite starts.
//!
//! A case is `cases/<area>/<fact>.toml` ([`case`], [`step`]) and says what users may rely on. The
//! app it runs against is `guests/` ([`host`] builds and starts it, [`native`] is the one host so
//! far). [`run`] does one case, [`suite`] all of them; [`report`] writes what came out. What a
//! host cannot do as the others is listed in `known_differences.toml` ([`differences`]).
//!
//! The suite knows nothing of a host's inside: no crate of a host is among its dependencies.

pub mod case;
pub mod client;
pub mod differences;
pub mod expect;
pub mod host;
pub mod log;
pub mod native;
pub mod origin;
pub mod reply;
pub mod report;
pub mod run;
pub mod step;
pub mod suite;
pub mod variables;
pub mod wire;
