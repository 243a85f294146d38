//! Where instances are made: a small room that a host opens in no time, and a large one, which is
//! opened when the small one is full.
//!
//! A room is an engine with its pool, and everything of the app linked for it. The kernel takes a
//! microsecond or more to guard each stack of a pool, so the room for all instances that a process
//! may have is what a start would wait for longest; most hosts never need it.

use crate::guest::engine::{INSTANCES_AT_START, INSTANCES_MAX, SPARE};
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
    pub(crate) services: Vec<Handler>,
    /// The classes of objects, in the manifest's order.
    pub(crate) classes: Vec<Linked>,
}

/// A service, linked for one room.
pub(crate) struct Handler {
    /// Ready to be instantiated.
    pub(crate) pre: ProxyPre<State>,
    /// Memories of one instance.
    pub(crate) memories: u32,
}

/// The rooms of an app.
pub(crate) struct Rooms {
    first: Arc<Room>,
    /// Memories in the first room, and in the second.
    taken: [AtomicU32; 2],
    second: OnceCell<Arc<Room>>,
    open_second: Arc<OpenRoom>,
}

/// Opens a room. Blocks.
type OpenRoom = dyn Fn() -> anyhow::Result<Room> + Send + Sync;

/// There is no room for one more instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRoom {
    /// The process has as many as it may have.
    #[error("the process has {INSTANCES_MAX} instances, and no room for more")]
    Full,
    /// The second room cannot be opened.
    #[error("the room for more instances cannot be opened: {0}")]
    NotOpened(String),
}

/// Whether an instance could not be made because the process has no room for one more.
pub(crate) fn is_full(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::PoolConcurrencyLimitError>() || error.is::<NoRoom>()
}

/// An instance's place in a room, for as long as it lives.
pub(crate) struct Seat {
    /// The room.
    pub(crate) room: Arc<Room>,
    rooms: Arc<Rooms>,
    which: Which,
    memories: u32,
}

#[derive(Clone, Copy)]
enum Which {
    First,
    Second,
}

impl Rooms {
    /// The rooms of an app, of which the first is open.
    pub(crate) fn new(
        first: Room,
        open_second: impl Fn() -> anyhow::Result<Room> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (taken, second) = (Default::default(), OnceCell::new());
        Arc::new(Self { first: Arc::new(first), taken, second, open_second: Arc::new(open_second) })
    }

    /// The room that is open from the start.
    pub(crate) fn first(&self) -> &Room {
        &self.first
    }

    /// Takes a place for an instance that is about to be made, and has so many memories. Waits for the
    /// second room where that has to be opened.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub(crate) async fn take_seat(self: &Arc<Self>, memories: u32) -> Result<Seat, NoRoom> {
        let memories = memories.max(1);
        let seat = |room: &Arc<Room>, which| {
            let (room, rooms) = (Arc::clone(room), Arc::clone(self));
            Seat { room, rooms, which, memories }
        };
        if self.claim(Which::First, memories) {
            return Ok(seat(&self.first, Which::First));
        }
        if !self.claim(Which::Second, memories) {
            return Err(NoRoom::Full);
        }
        // Gives its place back where it goes no further.
        let mut seat = seat(&self.first, Which::Second);
        seat.room = Arc::clone(self.second().await?);
        Ok(seat)
    }

    async fn second(&self) -> Result<&Arc<Room>, NoRoom> {
        let room = self.second.get_or_try_init(|| async {
            let open = Arc::clone(&self.open_second);
            let opened = spawn_blocking(move || open()).await;
            let opened = opened.map_err(|error| NoRoom::NotOpened(error.to_string()))?;
            opened.map(Arc::new).map_err(|error| NoRoom::NotOpened(format!("{error:#}")))
        });
        room.await
    }

    fn claim(&self, which: Which, memories: u32) -> bool {
        let most = match which {
            Which::First => INSTANCES_AT_START,
            // Some are left over for those that are being given back.
            Which::Second => INSTANCES_MAX - INSTANCES_AT_START - SPARE,
        };
        let claim = |taken: u32| taken.checked_add(memories).filter(|taken| *taken <= most);
        self.taken(which).fetch_update(Relaxed, Relaxed, claim).is_ok()
    }

    fn taken(&self, which: Which) -> &AtomicU32 {
        let [first, second] = &self.taken;
        match which {
            Which::First => first,
            Which::Second => second,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.rooms.taken(self.which).fetch_sub(self.memories, Relaxed);
    }
}
