//! A client's TCP stream: shared, so that a last word can be said after hyper is done with it, and
//! with a bound on how long a client may refuse to read.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How long a client may take no byte of what it is sent.
///
/// Source: nginx's `send_timeout` is 60 s, Apache's `Timeout` the same; half of it still lets a
/// phone change its network.
pub(super) const STALL_MAX: Duration = Duration::from_secs(30);

/// How long, and for how many more bytes, a client is listened to that has its last answer.
///
/// Source: nginx's `lingering_timeout` is 5 s between two reads; ours bounds the whole, so that a
/// host stops soon.
const LINGER_MAX: Duration = Duration::from_secs(1);
/// See [`LINGER_MAX`]. Ours: what a client sends before it looks at the answer to an upload.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a client of HTTP/2 says first.
///
/// Source: RFC 9113 section 3.4.
const PREFACE: &[u8; PREFACE_BYTES] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PREFACE_BYTES: usize = 24;
/// How often to look for the rest of it, where it does not come as a whole.
const PREFACE_EVERY: Duration = Duration::from_millis(10);

/// A client's TCP stream.
pub(super) struct Stream {
    tcp: Rc<RefCell<TcpStream>>,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// The client took nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the client took no byte for {} s", STALL_MAX.as_secs())]
pub(super) struct Stalled;

impl Stream {
    /// A stream that sends small pieces at once.
    pub(super) fn new(tcp: TcpStream) -> Self {
        // Without it an answer may wait for the client's acknowledgement; a socket that refuses is
        // only slower.
        let _ = tcp.set_nodelay(true);
        Self { tcp: Rc::new(RefCell::new(tcp)), stalled: None }
    }

    /// Another hold on the same stream.
    pub(super) fn clone(&self) -> Self {
        Self { tcp: Rc::clone(&self.tcp), stalled: None }
    }

    /// Waits for the first bytes, as many as tell which protocol the client speaks. They stay unread.
    /// Ends, too, where none will come.
    ///
    /// Nothing else bounds this: the time for a request's head begins when HTTP/1.1 is known.
    pub(super) async fn begins(&self) {
        let mut bytes = [0; PREFACE.len()];
        loop {
            let peeked = poll_fn(|cx| {
                let mut bytes = ReadBuf::new(&mut bytes);
                self.tcp.borrow().poll_peek(cx, &mut bytes)
            });
            match peeked.await {
                Ok(count @ 1..PREFACE_BYTES) if bytes.get(..count) == PREFACE.get(..count) => {
                    // What is there keeps the socket readable, so there is no event to wait for.
                    tokio::time::sleep(PREFACE_EVERY).await;
                }
                _ => return,
            }
        }
    }

    /// Sends a last word, as far as it goes without waiting.
    pub(super) fn say(&self, bytes: &[u8]) {
        let _ = self.tcp.borrow().try_write(bytes);
    }

    /// Waits for the client to have read the last answer: a socket that is closed while bytes arrive
    /// is reset, and the client may lose what it was just told.
    pub(super) async fn linger(&self) {
        let mut buffer = vec![0; 64 * 1024];
        let drain = async {
            let mut bytes_left = LINGER_BYTES_MAX;
            poll_fn(|cx| Pin::new(&mut *self.tcp.borrow_mut()).poll_shutdown(cx)).await?;
            while bytes_left > 0 {
                let mut read = ReadBuf::new(&mut buffer);
                poll_fn(|cx| Pin::new(&mut *self.tcp.borrow_mut()).poll_read(cx, &mut read))
                    .await?;
                if read.filled().is_empty() {
                    break;
                }
                bytes_left = bytes_left.saturating_sub(read.filled().len());
            }
            io::Result::Ok(())
        };
        // Whatever ends it: the connection is over.
        let _ = tokio::time::timeout(LINGER_MAX, drain).await;
    }

    /// Notes whether the client takes something.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return self.wait(cx);
        }
        self.stalled = None;
        written
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let deadline = || Box::pin(tokio::time::sleep_until(Instant::now() + STALL_MAX));
        ready!(self.stalled.get_or_insert_with(deadline).as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, Stalled)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Not `try_read`, which would ask the kernel once more before it waits.
        Pin::new(&mut *self.tcp.borrow_mut()).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.tcp.borrow_mut()).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.tcp.borrow_mut()).poll_write_vectored(cx, parts);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.tcp.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.tcp.borrow_mut()).poll_shutdown(cx)
    }
}
