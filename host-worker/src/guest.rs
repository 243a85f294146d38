//! Step 3 of a request's way, run: gives a request to an instance, and takes what comes of it.
//!
//! The instance itself is made and called in `glue/service.js`.

use crate::app::{Composition, app, claim, release};
use crate::dispatch::Refusal;
use js_sys::{Function, Promise, Reflect};
use selvedge_contract::failure::Failure;
use selvedge_contract::limits::Limits;
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use worker::Delay;
use worker::web_sys::{Request, Response};

/// How often a request looks whether an instance has become free, in milliseconds.
///
/// Ours. Another request's end cannot wake this one: what a Worker waits for belongs to one request.
const LOOK_AGAIN_MS: u64 = 10;

#[wasm_bindgen(raw_module = "../glue/service.js")]
extern "C" {
    /// One request in an instance of its own.
    type Exchange;

    #[wasm_bindgen(constructor)]
    fn new(
        composition: usize,
        request: &Request,
        env: &JsValue,
        context: &JsValue,
        id: &str,
    ) -> Exchange;

    /// The response, as soon as it may be sent. Rejects with an object that names a `failure`, or with
    /// what the guest answered in the place of a response.
    #[wasm_bindgen(method, catch)]
    async fn respond(this: &Exchange, wall_ms: f64) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// The platform's context of a request.
    type RequestContext;

    /// Lets what belongs to a request go on until a promise has settled, even where its client leaves.
    #[wasm_bindgen(method, js_name = waitUntil)]
    fn wait_until(this: &RequestContext, promise: &Promise);
}

/// Lets an instance answer.
pub(crate) async fn answer(
    index: usize,
    service: &Composition,
    limits: &Limits,
    request: &Request,
    env: &JsValue,
    context: &JsValue,
    id: &str,
) -> Result<Response, Refusal> {
    if !claim(&service.busy, limits.concurrent_requests) {
        return Err((Failure::TooManyRequests, String::new()));
    }
    let wall_left_ms = match wait_for_instance(service, limits, context).await {
        Some(left) => left,
        None => {
            release(&service.busy);
            return Err((Failure::TooManyInstances, String::new()));
        }
    };
    let exchange = Exchange::new(index, request, env, context, id);
    let outcome = exchange.respond(wall_left_ms as f64).await;
    match outcome.map(JsCast::dyn_into::<Response>) {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(other)) | Err(other) => Err(refusal(&other)),
    }
}

/// Takes a place among the instances; gives the milliseconds that are left then, or nothing where none became free.
async fn wait_for_instance(
    service: &Composition,
    limits: &Limits,
    context: &JsValue,
) -> Option<u64> {
    // An instance answers one request here: as many may run as would find a place in shared ones.
    let most = limits.instances.saturating_mul(limits.requests_per_instance);
    let mut left = limits.wall_ms;
    let mut held = None;
    while !claim(&service.instances, most) {
        held.get_or_insert_with(|| Held::of(context));
        if left == 0 {
            return None;
        }
        let wait = LOOK_AGAIN_MS.min(left);
        Delay::from(std::time::Duration::from_millis(wait)).await;
        left -= wait;
    }
    Some(left.max(1))
}

/// Keeps a request going until it is dropped: a client that left while its request waits would cut the
/// waiting off, and with it the request's place, for good.
struct Held(Option<Function>);

impl Held {
    fn of(context: &JsValue) -> Self {
        let mut end = None;
        let promise = Promise::new(&mut |resolve, _| end = Some(resolve));
        context.unchecked_ref::<RequestContext>().wait_until(&promise);
        Self(end)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(end) = &self.0 {
            // It cannot fail, and there is nobody to tell.
            let _ = end.call0(&JsValue::UNDEFINED);
        }
    }
}

/// A request's response has been sent, or never will be.
#[wasm_bindgen(js_name = exchangeEnded)]
pub fn exchange_ended(composition: usize) {
    if let Some(service) = app().compositions.get(composition) {
        release(&service.busy);
    }
}

/// An instance has done its work, or was ended.
#[wasm_bindgen(js_name = instanceEnded)]
pub fn instance_ended(composition: usize) {
    if let Some(service) = app().compositions.get(composition) {
        release(&service.instances);
    }
}

/// What the rejection of an exchange stands for.
fn refusal(error: &JsValue) -> Refusal {
    let get = |key: &str| Reflect::get(error, &JsValue::from_str(key)).ok();
    let text = |key: &str| get(key).and_then(|value| value.as_string());
    let named = text("failure");
    let failure = Failure::ALL.into_iter().find(|known| named.as_deref() == Some(known.name()));
    let cause = match get("payload") {
        // The guest's own error: the cause is for the log.
        Some(payload) if !payload.is_undefined() => {
            js_sys::JSON::stringify(&payload).map(String::from).unwrap_or_default()
        }
        _ => text("message").unwrap_or_default(),
    };
    (failure.unwrap_or(Failure::InvalidResponse), cause)
}
