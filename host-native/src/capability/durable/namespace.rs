//! The untyped door: a whole HTTP request for an object.

use super::wit::namespace;
use super::{DurableView, HasDurable};
use crate::guest::object::gated;
use crate::guest::object::mailbox::{CallError, Event, Fetch};
use http::uri::{Authority, PathAndQuery};
use selvedge_wasi::State;
use std::sync::Arc;
use wasmtime::component::{Accessor, Resource};
use wasmtime_wasi_http::p3::{Request, Response};

/// The authority of a request that names none: an object is found by its class and name.
const NOWHERE: &str = "object";

impl namespace::Host for DurableView<'_> {}

impl namespace::HostWithStore<State> for HasDurable {
    async fn fetch(
        accessor: &Accessor<State, Self>,
        class: String,
        name: String,
        request: Resource<Request>,
    ) -> Result<Resource<Response>, CallError> {
        let invalid = |error: &dyn std::fmt::Display| CallError::Invalid(error.to_string());
        // The request is the host's from here on, whatever comes of it.
        let (objects, class, own, request) = accessor.with(|mut access| {
            let view = access.get();
            let (objects, own) =
                (Arc::clone(view.objects), view.object.map(|own| own.shared.clone()));
            let granted = view.grants.contains(class.as_str());
            let mut request = view.table.delete(request).map_err(|error| invalid(&error))?;
            request.authority.get_or_insert_with(|| Authority::from_static(NOWHERE));
            request.path_with_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
            let (request, _) = request
                .into_http(&mut access, async { Ok(()) })
                .map_err(|_| CallError::Invalid("the request cannot be sent".to_owned()))?;
            let class = objects.class(&class)?;
            if !granted {
                return Err(CallError::AccessDenied);
            }
            if !class.shape.answers_http() {
                let reason = format!("objects of class {} answer no HTTP requests", class.name);
                return Err(CallError::Invalid(reason));
            }
            Ok((objects, class, own, request))
        })?;
        let request = gated::request(request, own.as_ref());
        let event = |reply, place| Event::Fetch(Box::new(Fetch { request, reply, place }));
        let response = objects.ask(&class, &Arc::from(name), own, event).await?;
        accessor.with(|mut access| {
            let view = access.get();
            let (response, io) = Response::from_http(view.hooks, response);
            // Ends when the body has been read, and has nothing to say that anybody waits for.
            tokio::task::spawn(io);
            view.table.push(response).map_err(|error| invalid(&error))
        })
    }
}
