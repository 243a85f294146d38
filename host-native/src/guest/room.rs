//! Where instances are made: a small room that a host opens in no time, and a large one, which is
//! opened when the small one is full.
//!
//! A room is an engine with its pool, and the capabilities linked for it; both rooms outlive every
//! edition of an app, whose parts are linked for each room where they are needed ([`InRooms`]). The
//! kernel takes a microsecond or more to guard each stack of a pool, so the room for all instances
//! that a process may have is what a start would wait for longest; most hosts never need it.

use crate::capability;
use crate::guest::engine::{self, INSTANCES_AT_START, INSTANCES_MAX, SPARE};
use anyhow::Context as _;
use selvedge_wasi::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;
use tokio::sync::OnceCell;
use tokio::task::{JoinError, spawn_blocking};
use wasmtime::Engine;
use wasmtime::component::Linker;

/// An engine, and the capabilities linked for it.
pub(crate) struct Room {
    /// The engine.
    pub(crate) engine: Engine,
    /// What this host offers to guests.
    pub(crate) linker: Linker<State>,
}

/// The rooms of a process.
pub(crate) struct Rooms {
    first: Arc<Room>,
    /// Memories in the first room, and in the second.
    taken: [AtomicU32; 2],
    second: OnceCell<Arc<Room>>,
}

/// A part of an app, linked for the first room, and for the second as soon as it is needed there.
pub(crate) struct InRooms<P> {
    first: Arc<P>,
    second: OnceCell<Arc<P>>,
    link: Arc<Link<P>>,
}

/// Links a part of an app for a room. Blocks.
type Link<P> = dyn Fn(&Room) -> anyhow::Result<P> + Send + Sync;

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

impl Room {
    /// A room with an engine of its own, whose clock ticks.
    fn open(engine: wasmtime::Result<Engine>) -> anyhow::Result<Self> {
        let engine = engine.map_err(anyhow::Error::from).context("cannot open the engine")?;
        let linker = capability::link(&engine)?;
        engine::start_ticking(&engine).context("cannot start the engine's clock")?;
        Ok(Self { engine, linker })
    }
}

impl Rooms {
    /// The rooms of a process, of which the first is opened.
    ///
    /// # Errors
    /// Where this machine cannot run compiled code, or has too little address space.
    pub(crate) fn open() -> anyhow::Result<Arc<Self>> {
        let first = Arc::new(Room::open(engine::open())?);
        Ok(Arc::new(Self { first, taken: Default::default(), second: OnceCell::new() }))
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
            let opened = spawn_blocking(|| {
                let begun = Instant::now();
                let room = Room::open(engine::open_second())?;
                let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(took_ms, "room for more instances was opened");
                anyhow::Ok(Arc::new(room))
            });
            opened_or(opened.await)
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

impl<P: Send + Sync + 'static> InRooms<P> {
    /// A part that is linked for the first room.
    ///
    /// # Errors
    /// Where it imports what is not there, or in another shape.
    pub(crate) fn new(
        rooms: &Rooms,
        link: impl Fn(&Room) -> anyhow::Result<P> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let first = Arc::new(link(rooms.first())?);
        Ok(Self { first, second: OnceCell::new(), link: Arc::new(link) })
    }

    /// As it is linked for the first room.
    pub(crate) fn first(&self) -> &P {
        &self.first
    }

    /// As it is linked for the room of an instance. Waits where that has to be done first.
    ///
    /// # Errors
    /// [`NoRoom::NotOpened`].
    pub(crate) async fn of(&self, seat: &Seat) -> Result<&P, NoRoom> {
        if matches!(seat.which, Which::First) {
            return Ok(&self.first);
        }
        let part = self.second.get_or_try_init(|| async {
            let (link, room) = (Arc::clone(&self.link), Arc::clone(&seat.room));
            opened_or(spawn_blocking(move || anyhow::Ok(Arc::new(link(&room)?))).await)
        });
        part.await.map(|part| &**part)
    }
}

/// What came of opening something on another thread.
fn opened_or<T>(outcome: Result<anyhow::Result<T>, JoinError>) -> Result<T, NoRoom> {
    let opened = outcome.map_err(|error| NoRoom::NotOpened(error.to_string()))?;
    opened.map_err(|error| NoRoom::NotOpened(format!("{error:#}")))
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.rooms.taken(self.which).fetch_sub(self.memories, Relaxed);
    }
}
