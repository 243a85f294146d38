//! The conformance suite: cases as data files, run over HTTP against a host that the suite starts.
//!
//! A case is `cases/<area>/<fact>.toml` ([`case`], [`step`]) and says what users may rely on. The
//! app it runs against is `guests/` ([`host`] says what builds and starts it; [`native`] and
//! [`workers`] do). [`run`] does one case, [`suite`] all of them; [`report`] writes what came out.
//! What a host cannot do as the others is listed in `known_differences.toml` ([`differences`]), and
//! `MATRIX.md` shows all of it to users ([`matrix`]).
//!
//! The suite knows nothing of a host's inside: no crate of a host is among its dependencies.

pub mod case;
pub mod client;
pub mod differences;
pub mod expect;
pub mod host;
pub mod log;
pub mod matrix;
pub mod native;
pub mod origin;
pub mod process;
pub mod reply;
pub mod report;
pub mod run;
pub mod step;
pub mod suite;
pub mod variables;
pub mod wire;
pub mod workers;
