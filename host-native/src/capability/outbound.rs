//! Outbound HTTP: a guest reaches the hosts that its manifest grants, and no other.

use crate::guest::object::gated;
use crate::guest::object::mailbox::CallError;
use crate::guest::object::own::Shared;
use http::uri::{Scheme, Uri};
use selvedge_contract::manifest::HostPattern;
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The hosts that a service may call.
#[derive(Debug)]
pub(crate) struct Allowed {
    /// The service's name, for the log.
    pub(crate) service: Arc<str>,
    /// What the manifest lists.
    pub(crate) hosts: Vec<HostPattern>,
}

impl Allowed {
    fn allows(&self, uri: &Uri) -> bool {
        let Some(host) = uri.host() else { return false };
        let default = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default);
        self.hosts.iter().any(|pattern| pattern.matches(host, port))
    }
}

/// An instance's way out.
pub(crate) struct Outbound {
    allowed: Arc<Allowed>,
    wait_max: Duration,
    /// Of an object: nothing leaves before what it wrote is on disk.
    gate: Option<Arc<Shared>>,
}

impl Outbound {
    /// The way out of a new instance.
    pub(crate) fn new(allowed: Arc<Allowed>, wall_ms: u64, gate: Option<Arc<Shared>>) -> Self {
        Self { allowed, wait_max: Duration::from_millis(wall_ms), gate }
    }

    /// What the guest asked for, but no longer than its request may take.
    fn bounded(&self, options: Option<RequestOptions>) -> RequestOptions {
        let asked = options.unwrap_or_default();
        let bound = |time: Option<Duration>| Some(time.unwrap_or(self.wait_max).min(self.wait_max));
        RequestOptions {
            connect_timeout: bound(asked.connect_timeout),
            first_byte_timeout: bound(asked.first_byte_timeout),
            between_bytes_timeout: bound(asked.between_bytes_timeout),
        }
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Io), Error>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        // Nobody's name and password are part of where a request goes.
        if request.uri().authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Box::new(async { Err(Error::HttpRequestUriInvalid) });
        }
        if !self.allowed.allows(request.uri()) {
            tracing::warn!(
                service = &*self.allowed.service,
                authority = request.uri().authority().map_or("", |authority| authority.as_str()),
                "an outbound request was refused: the host is not in allow-hosts"
            );
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let options = self.bounded(options);
        let gate = self.gate.clone().map(Shared::gate);
        let request = gated::request(request, self.gate.as_ref());
        Box::new(async move {
            if let Some(gate) = gate {
                let reset = |error: CallError| Error::InternalError(Some(error.to_string()));
                gate.await.map_err(reset)?;
            }
            // The library's own time to connect ends before a TLS handshake begins.
            let most = options.connect_timeout.zip(options.first_byte_timeout);
            let most = most.map_or(Duration::MAX, |(connect, first)| connect.saturating_add(first));
            let sending = wasmtime_wasi_http::default_send_request(request, Some(options));
            let sent = tokio::time::timeout(most, sending).await;
            let (response, io) = sent.map_err(|_| Error::ConnectionTimeout)??;
            let response = response.map(http_body_util::BodyExt::boxed_unsync);
            Ok((response, Box::new(io) as Io))
        })
    }
}
