//! Streams and futures that are read, written, passed on and left.

use crate::Far;
use crate::bindings::exports::test::crossing::streams::{All, Counter, Guest, Leaf};
use crate::bindings::{wit_future, wit_stream};
use crate::calls::pause;
use crate::things::Count;
use std::cell::Cell;
use wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};

/// How many values one read asks for.
const ROOM: usize = 3;
/// How many bytes one read asks for: more than one buffer of the writer's, and no multiple of it.
const BYTES: usize = 10_007;

thread_local! {
    static WRITTEN: Cell<Option<u64>> = const { Cell::new(None) };
    static UNREAD: Cell<u32> = const { Cell::new(0) };
}

/// Writes what it reads, until one of both ends is left.
async fn copy<T>(mut from: StreamReader<T>, mut to: StreamWriter<T>, room: usize) {
    loop {
        let (result, part) = from.read(Vec::with_capacity(room)).await;
        let left = to.write_all(part).await;
        if !left.is_empty() || !matches!(result, StreamResult::Complete(_)) {
            return;
        }
    }
}

/// What gets a value where nobody gives one.
fn missing() -> String {
    "missing".to_owned()
}

impl Guest for Far {
    async fn count(to: u64) -> StreamReader<u64> {
        let (mut writer, reader) = wit_stream::new();
        WRITTEN.set(None);
        wit_bindgen::spawn_local(async move {
            let left = writer.write_all((0..to).collect()).await;
            WRITTEN.set(Some(to - left.len() as u64));
        });
        reader
    }
    async fn written() -> u64 {
        loop {
            if let Some(written) = WRITTEN.get() {
                return written;
            }
            pause(1).await;
        }
    }
    async fn take_some(mut bytes: StreamReader<u8>, count: u32) -> Vec<u8> {
        let mut taken = Vec::new();
        while taken.len() < count as usize {
            let room = count as usize - taken.len();
            let (result, part) = bytes.read(Vec::with_capacity(room)).await;
            taken.extend(part);
            if !matches!(result, StreamResult::Complete(_)) {
                break;
            }
        }
        taken
    }
    async fn total(mut bytes: StreamReader<u8>) -> u64 {
        let mut total = 0;
        loop {
            let (result, part) = bytes.read(Vec::with_capacity(BYTES)).await;
            total += part.into_iter().map(u64::from).sum::<u64>();
            if !matches!(result, StreamResult::Complete(_)) {
                return total;
            }
        }
    }
    async fn bytes_through(bytes: StreamReader<u8>) -> StreamReader<u8> {
        let (writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(copy(bytes, writer, BYTES));
        reader
    }
    async fn leaves_through(leaves: StreamReader<Leaf>) -> StreamReader<Leaf> {
        let (writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(copy(leaves, writer, ROOM));
        reader
    }
    async fn all_through(values: StreamReader<All>) -> StreamReader<All> {
        let (writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(copy(values, writer, ROOM));
        reader
    }
    fn bytes_back(bytes: StreamReader<u8>) -> StreamReader<u8> {
        bytes
    }
    async fn future_through(value: FutureReader<All>) -> FutureReader<All> {
        let (writer, reader) = wit_future::new(|| unreachable!("a value is always given on"));
        wit_bindgen::spawn_local(async move {
            let _ = writer.write(value.await).await;
        });
        reader
    }
    fn ignore(_bytes: StreamReader<u8>, _value: FutureReader<All>) {}
    async fn later(ms: u32) -> FutureReader<String> {
        let (writer, reader) = wit_future::new(missing);
        wit_bindgen::spawn_local(async move {
            pause(ms).await;
            if writer.write("later".to_owned()).await.is_err() {
                UNREAD.set(UNREAD.get() + 1);
            }
        });
        reader
    }
    fn unread() -> u32 {
        UNREAD.get()
    }
    async fn counters(count: u32) -> StreamReader<Counter> {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            let counters = (0..count).map(|start| Counter::new(Count::of(u64::from(start))));
            writer.write_all(counters.collect()).await;
        });
        reader
    }
    async fn nested(text: String) -> FutureReader<StreamReader<u8>> {
        let (mut writer, reader) = wit_stream::new();
        let (outer, future) = wit_future::new(|| unreachable!("a stream is always given"));
        wit_bindgen::spawn_local(async move {
            let _ = outer.write(reader).await;
            writer.write_all(text.into_bytes()).await;
        });
        future
    }
    async fn both(
        bytes: StreamReader<u8>,
        label: String,
    ) -> (StreamReader<u8>, FutureReader<String>) {
        let (writer, reader) = wit_stream::new();
        let (end, ended) = wit_future::new(missing);
        wit_bindgen::spawn_local(async move {
            copy(bytes, writer, BYTES).await;
            let _ = end.write(label).await;
        });
        (reader, ended)
    }
    async fn beats(count: u32) -> StreamReader<()> {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            writer.write_all(vec![(); count as usize]).await;
        });
        reader
    }
}
