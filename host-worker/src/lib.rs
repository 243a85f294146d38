//! The Workers host: what decides in a Cloudflare Worker that runs the components of an app.
//!
//! A request's way is that of the native host, in files of the same names: this file takes it in (1),
//! [`dispatch`] chooses (2), [`guest`] runs (3), [`capability`] allows (4); the platform keeps (5). The
//! JavaScript in `glue/` moves values between the platform and the components, and asks here whenever
//! something is to be decided.

mod answer;
mod app;
mod capability;
mod dispatch;
mod guest;
mod logging;
mod object;

use worker::{Context, Env, Request, Response, Result, event};

/// Answers a request, whatever happens.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    Ok(dispatch::answer(request.inner(), env.as_ref(), context.as_ref()).await.into())
}
