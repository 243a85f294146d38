//! What a guest writes to standard output and error: one log line each, with where it came from.

use crate::guest::state::Provision;
use crate::guest::vitals::Vitals;
use selvedge_contract::limits::LOG_LINE_BYTES_MAX;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// One output stream of one instance.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<Lines>>);

impl Output {
    /// The output `stream` of a new instance.
    pub(crate) fn new(
        stream: &'static str,
        provision: &Provision,
        object: Option<&Arc<str>>,
        vitals: &Arc<Vitals>,
    ) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            stream,
            service: Arc::clone(&provision.service),
            component: Arc::clone(&provision.component),
            object: object.cloned(),
            vitals: Arc::clone(vitals),
            line: Vec::new(),
            cut: false,
        })))
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Gathers bytes until a line is whole.
struct Lines {
    stream: &'static str,
    service: Arc<str>,
    component: Arc<str>,
    object: Option<Arc<str>>,
    vitals: Arc<Vitals>,
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, whole) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let room = LOG_LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.cut |= text.len() > room;
            self.line.extend(text.iter().take(room));
            if whole {
                self.emit();
            }
        }
    }

    fn emit(&mut self) {
        let message = String::from_utf8_lossy(&self.line);
        tracing::info!(
            target: "guest",
            service = &*self.service,
            component = &*self.component,
            object = self.object.as_deref(),
            stream = self.stream,
            request = %self.vitals.working_for(),
            cut = self.cut.then_some(true),
            "{message}"
        );
        self.line.clear();
        self.cut = false;
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.emit();
        }
    }
}
