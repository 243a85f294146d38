//! Step 3 of a request's way, run: the instances that answer, and what they are made from.
//!
//! Before it comes `dispatch`, which chose the service; after it `capability`, which an instance
//! calls. Each serving thread has one [`pool::Pool`] a service; a request stays on the thread that
//! read it, so that no lock and no hop between cores stands in its way. Only where all of a
//! thread's instances are taken and no more may start does it move to another thread
//! ([`service::Overflow`]).

pub mod engine;
pub mod functions;
mod instance;
pub(crate) mod job;
pub mod load;
pub(crate) mod object;
pub(crate) mod pool;
pub(crate) mod room;
pub(crate) mod service;
pub mod state;
mod steps;
pub(crate) mod vitals;
