//! The side of the process that serves: takes what commands ask, and has it done by the objects'
//! own lives.

use super::ask::{Answer, OrderError, Part, PerformError};
use super::scratch::Scratch;
use super::wire::{self, Socket};
use super::{ChangeAlarms, Way, perform};
use crate::guest::object::class::Class;
use crate::guest::object::directory::Objects;
use crate::guest::object::mailbox::{Event, Order};
use crate::storage::objects::ObjectFolder;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Commands that are served at once; others wait. Each has a thread, since it mostly waits for files.
const COMMANDS_MAX: usize = 16;
/// How long a command may neither read nor write: somebody may read a long list in a pager.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// How often to look whether the host is stopping.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An order on its way to a thread that serves.
type Sent = (Arc<Class>, Arc<str>, Order);

/// Takes orders until the host stops. Runs on one serving thread. Where it cannot listen, it says so
/// in the log, and the app is served without it.
pub(crate) async fn listen(objects: Arc<Objects>) {
    Scratch::clear(&objects.folder);
    let opened = Socket::of(objects.folder.path()).and_then(|socket| {
        let listener = socket.listen()?;
        listener.set_nonblocking(true)?;
        Ok((UnixListener::from_std(listener)?, socket))
    });
    let (listener, socket) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let folder = objects.folder.path().display();
            tracing::warn!(cause = %error, %folder, "`selvedge object` cannot speak with this host: it cannot make its socket");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(COMMANDS_MAX));
    let (orders, mut sent) = mpsc::unbounded_channel::<Sent>();
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await.and_then(|(stream, _)| stream.into_std()) {
                Ok(stream) => serve(stream, &objects, &orders, place),
                Err(error) => {
                    tracing::warn!(cause = %error, "a command was not heard");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    };
    let mut accept = std::pin::pin!(accept);
    while !objects.is_stopping() {
        tokio::select! {
            () = accept.as_mut() => {}
            Some((class, name, order)) = sent.recv() => {
                objects.send(&class, &name, Event::Order(order));
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    socket.remove();
}

/// Serves one command on a thread of its own, which the end of the host does not wait for.
fn serve(
    stream: UnixStream,
    objects: &Arc<Objects>,
    orders: &mpsc::UnboundedSender<Sent>,
    place: OwnedSemaphorePermit,
) {
    let way = Served { objects: Arc::clone(objects), orders: orders.clone() };
    let started = std::thread::Builder::new().name("object-orders".to_owned()).spawn(move || {
        if let Err(error) = answer(&way, &stream) {
            tracing::debug!(cause = %error, "a command left before its answer");
        }
        drop(place);
    });
    if let Err(error) = started {
        tracing::warn!(cause = %error, "a command was not heard");
    }
}

fn answer(way: &Served, stream: &UnixStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    let mut from = BufReader::new(stream);
    let failed = |error| wire::write_part(stream, Part::Answer(Answer::Failed(error)));
    // Another version may ask what this one cannot read.
    let Ok(Some(ask)) = wire::read_ask(&mut from) else { return failed(OrderError::Version) };
    match perform(way, &ask, &mut from, &mut |part| wire::write_part(stream, part)) {
        Ok(()) => Ok(()),
        Err(PerformError::Order(error)) => failed(error),
        Err(PerformError::Told(error)) => Err(error),
    }
}

/// The way to objects in the process that serves them.
struct Served {
    objects: Arc<Objects>,
    orders: mpsc::UnboundedSender<Sent>,
}

impl Way for Served {
    fn classes(&self) -> Vec<(String, u64)> {
        let classes = self.objects.classes();
        let classes = classes.values();
        classes.map(|class| (class.name.to_string(), class.limits.storage_bytes)).collect()
    }

    fn folder(&self) -> &ObjectFolder {
        &self.objects.folder
    }

    fn live(&self, class: &str) -> Vec<String> {
        let live = self.objects.live().into_iter().filter(|key| *key.class == *class);
        live.map(|key| key.name.to_string()).collect()
    }

    fn is_live(&self, class: &str, name: &str) -> bool {
        self.objects.class(class).is_ok_and(|class| self.objects.is_live(&class, name))
    }

    fn change_alarms(&self) -> ChangeAlarms {
        let objects = Arc::clone(&self.objects);
        Box::new(move |changes| {
            objects.alarms.change(changes)?;
            objects.alarm_set.notify_one();
            Ok(())
        })
    }

    fn begin(&self, class: &str, name: &str, order: Order) {
        if let Ok(class) = self.objects.class(class) {
            // Where nobody takes it any more, the host is stopping: whoever waits learns it.
            let _ = self.orders.send((class, Arc::from(name), order));
        }
    }
}
