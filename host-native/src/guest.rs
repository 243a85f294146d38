//! Step 3 of a request's way, run: engines, compiled components and the instances that answer.
//! Before it comes `dispatch`, after it `capability`.

pub mod engine;
pub mod load;
