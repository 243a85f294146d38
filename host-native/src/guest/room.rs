//! Where instances are made: a small room that a host opens in no time, and a large one, which is
//! opened when the small one is full.
//!
//! A room is an engine with its pool, and everything of the app linked for it. The kernel takes a
//! microsecond or more to guard each stack of a pool, so the room for all instances that a process
//! may have is what a start would wait for longest; most hosts never need it.

use crate::guest::engine::INSTANCES_AT_START;
use crate::guest::object::class::Linked;
use selvedge_wasi::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime_wasi_http::handler::ProxyPre;

/// An engine, and the app linked for it.
pub(crate) struct Room {
    /// The engine.
    pub(crate) engine: Engine,
    /// The services, in the manifest's order.
    pub(crate) services: Vec<ProxyPre<State>>,
    /// The classes of objects, in the manifest's order.
    pub(crate) classes: Vec<Linked>,
}

/// The rooms of an app.
pub(crate) struct Rooms {
    first: Arc<Room>,
    /// Instances in the first room.
    taken: AtomicU32,
    second: OnceCell<Arc<Room>>,
    open_second: Arc<OpenRoom>,
}

/// Opens a room. Blocks.
type OpenRoom = dyn Fn() -> anyhow::Result<Room> + Send + Sync;

/// There is no room for one more instance.
#[derive(Debug, thiserror::Error)]
#[error("the room for more instances cannot be opened: {0}")]
pub(crate) struct NoRoom(String);

/// An instance's place in a room, for as long as it lives.
pub(crate) struct Seat {
    /// The room.
    pub(crate) room: Arc<Room>,
    in_first: Option<Arc<Rooms>>,
}

impl Rooms {
    /// The rooms of an app, of which the first is open.
    pub(crate) fn new(
        first: Room,
        open_second: impl Fn() -> anyhow::Result<Room> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (taken, second) = (AtomicU32::new(0), OnceCell::new());
        Arc::new(Self { first: Arc::new(first), taken, second, open_second: Arc::new(open_second) })
    }

    /// The room that is open from the start.
    pub(crate) fn first(&self) -> &Room {
        &self.first
    }

    /// Takes a place for an instance that is about to be made. Waits for the second room where that
    /// has to be opened.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub(crate) async fn take_seat(self: &Arc<Self>) -> Result<Seat, NoRoom> {
        let claim = |taken| (taken < INSTANCES_AT_START).then(|| taken + 1);
        if self.taken.fetch_update(Relaxed, Relaxed, claim).is_ok() {
            return Ok(Seat { room: Arc::clone(&self.first), in_first: Some(Arc::clone(self)) });
        }
        let room = self.second.get_or_try_init(|| async {
            let open = Arc::clone(&self.open_second);
            let opened = spawn_blocking(move || open()).await;
            let opened = opened.map_err(|error| NoRoom(error.to_string()))?;
            opened.map(Arc::new).map_err(|error| NoRoom(format!("{error:#}")))
        });
        Ok(Seat { room: Arc::clone(room.await?), in_first: None })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(rooms) = &self.in_first {
            rooms.taken.fetch_sub(1, Relaxed);
        }
    }
}
