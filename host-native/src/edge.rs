//! From an app to a Worker: what is embedded of the Workers host, the tools that bundle, the plan that
//! they work by, and what is made of it. For `selvedge bundle`, `deploy` and `dev --edge`; no request
//! passes here.

pub(crate) mod bindings;
pub(crate) mod bundle;
pub(crate) mod cost;
pub(crate) mod files;
pub(crate) mod lacking;
pub(crate) mod local;
pub(crate) mod migrations;
pub(crate) mod plan;
pub(crate) mod stub;
pub(crate) mod tools;
pub(crate) mod wrangler;
