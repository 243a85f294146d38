//! Streams and futures: passed on, read slowly, left early.

use crate::bindings::test::crossing::streams as far;
use crate::bindings::test::crossing::{between, things};
use crate::bindings::{wit_future, wit_stream};
use crate::{Checked, same, samples};
use futures::future::{join, join_all, poll_immediate};
use std::fmt::Debug;
use std::pin::pin;
use wit_bindgen::{
    FutureReader, FutureWriteCancel, FutureWriter, StreamReader, StreamResult, StreamWriter,
};

/// As long as 1 MiB.
const LONG: usize = 1 << 20;
/// As much as one read asks for.
const ROOM: usize = 65_521;

/// Writes all, in pieces of this size, and ends the stream.
async fn write<T>(mut writer: StreamWriter<T>, values: Vec<T>, piece: usize) {
    let mut values = values.into_iter();
    loop {
        let part: Vec<T> = values.by_ref().take(piece).collect();
        if part.is_empty() || !writer.write_all(part).await.is_empty() {
            return;
        }
    }
}

/// Reads until the end, so many values at once.
async fn read<T>(mut reader: StreamReader<T>, room: usize) -> Vec<T> {
    let mut all = Vec::new();
    loop {
        let (result, part) = reader.read(Vec::with_capacity(room)).await;
        all.extend(part);
        if !matches!(result, StreamResult::Complete(_)) {
            return all;
        }
    }
}

/// Sends values there and back while both ends are at work.
async fn there_and_back<T: Clone + Debug>(
    what: &str,
    values: Vec<T>,
    piece: usize,
    room: usize,
    new: fn() -> (StreamWriter<T>, StreamReader<T>),
    through: impl AsyncFnOnce(StreamReader<T>) -> StreamReader<T>,
) -> Checked {
    let (writer, reader) = new();
    let back = through(reader).await;
    let ((), found) = join(write(writer, values.clone(), piece), read(back, room)).await;
    same(&format!("{what} by {piece} and {room}"), &values.len(), &found.len())?;
    same(&format!("{what} by {piece} and {room}"), &values, &found)
}

pub async fn bytes() -> Checked {
    for (piece, room) in [(1, ROOM), (ROOM, 1), (7, 5)] {
        let bytes = samples::bytes(3000);
        there_and_back("bytes", bytes, piece, room, wit_stream::new, far::bytes_through).await?;
    }
    let bytes = samples::bytes(LONG);
    there_and_back("bytes", bytes, LONG, ROOM, wit_stream::new, far::bytes_through).await?;
    there_and_back("none", vec![], 1, 1, wit_stream::new, far::bytes_through).await?;
    let (writer, reader) = wit_stream::new();
    let bytes = samples::bytes(LONG);
    let total = bytes.iter().copied().map(u64::from).sum();
    let ((), found) = join(write(writer, bytes, 9999), far::total(reader)).await;
    same("total", &total, &found)?;
    // Several at once.
    let flows = (0..5usize).map(|index| {
        let bytes = samples::bytes(10_000 + index);
        there_and_back("one of several", bytes, 999, 1000, wit_stream::new, far::bytes_through)
    });
    join_all(flows).await.into_iter().collect()
}

pub async fn records() -> Checked {
    for (piece, room) in [(1, 1), (2, 50), (50, 2), (100, 100)] {
        let leaves = samples::leaves(100);
        there_and_back("leaves", leaves, piece, room, wit_stream::new, far::leaves_through).await?;
    }
    let numbers = read(far::count(10_000).await, 77).await;
    same("numbers", &(0..10_000).collect(), &numbers)
}

pub async fn everything() -> Checked {
    let text = "é€🦀".repeat(2000);
    let values = vec![samples::full(""), samples::empty(), samples::full(&text)];
    for (piece, room) in [(1, 3), (3, 1), (3, 3)] {
        let values = values.clone();
        there_and_back("all", values, piece, room, wit_stream::new, far::all_through).await?;
    }
    Ok(())
}

/// An end that goes away and comes back, also while there is something that it can read.
pub async fn back() -> Checked {
    let bytes = samples::bytes(1000);
    let (mut writer, reader) = wit_stream::new();
    let mut reader = far::bytes_back(reader);
    let writing = async {
        let left = writer.write_all(bytes.clone()).await;
        drop(writer);
        left
    };
    let reading = async {
        let mut found = Vec::new();
        for _ in 0..3 {
            reader = far::bytes_back(reader);
            let (_, part) = reader.read(Vec::with_capacity(100)).await;
            found.extend(part);
        }
        found.extend(read(reader, 10).await);
        found
    };
    let (left, found) = join(writing, reading).await;
    same("left", &vec![], &left)?;
    same("bytes", &bytes, &found)
}

/// A component between two hands on what it does not read.
pub async fn handed_on() -> Checked {
    let bytes = samples::bytes(100_000);
    there_and_back("bytes", bytes, 8000, 3000, wit_stream::new, between::bytes_through).await?;
    let leaves = samples::leaves(50);
    there_and_back("leaves", leaves, 7, 4, wit_stream::new, between::leaves_through).await?;
    let (writer, reader) = wit_future::new(samples::empty);
    let back = between::future_through(reader).await;
    let (written, found) = join(writer.write(samples::full("text")), back.into_future()).await;
    same("written", &true, &written.is_ok())?;
    same("future", &samples::full("text"), &found)
}

pub async fn futures() -> Checked {
    for value in [samples::full("té🦀\0t"), samples::empty()] {
        let (writer, reader) = wit_future::new(samples::empty);
        let back = far::future_through(reader).await;
        let (written, found) = join(writer.write(value.clone()), back.into_future()).await;
        same("written", &true, &written.is_ok())?;
        same("future", &value, &found)?;
    }
    // One that is there before it is asked for, and one that comes later.
    same("soon", &"later".to_owned(), &far::later(0).await.await)?;
    same("later", &"later".to_owned(), &far::later(30).await.await)?;
    let all = join_all((0..10).map(async |ms| far::later(ms).await.await)).await;
    same("many", &vec!["later".to_owned(); 10], &all)?;
    // A writer that has nothing to say writes what stands for it.
    let (writer, reader) = wit_future::new(samples::empty);
    let back = far::future_through(reader).await;
    drop(writer);
    same("nothing", &samples::empty(), &back.await)
}

/// Whoever writes learns how much was read of what it wrote, once the reader is gone.
pub async fn reader_leaves() -> Checked {
    let (mut writer, reader) = wit_stream::new();
    let taken = far::take_some(reader, 100);
    let (left, taken) = join(writer.write_all(samples::bytes(1000)), taken).await;
    same("taken", &samples::bytes(100), &taken)?;
    same("left", &900, &left.len())?;
    same("left of another write", &1, &writer.write_all(vec![1]).await.len())?;
    // The other way around.
    let mut numbers = far::count(1000).await;
    let (_, part) = numbers.read(Vec::with_capacity(10)).await;
    same("numbers", &(0..10).collect(), &part)?;
    drop(numbers);
    same("written", &10, &far::written().await)?;
    drop(far::count(5).await);
    same("written to nobody", &0, &far::written().await)
}

/// Whoever reads gets what was written before the writer left.
pub async fn writer_leaves() -> Checked {
    let (mut writer, reader) = wit_stream::new();
    let taking = far::take_some(reader, 100);
    let writing = async {
        writer.write_all(samples::bytes(40)).await;
        drop(writer);
    };
    let (taken, ()) = join(taking, writing).await;
    same("taken", &samples::bytes(40), &taken)?;
    // Nothing was written at all.
    let (writer, reader) = wit_stream::new();
    drop(writer);
    same("taken of nothing", &vec![], &far::take_some(reader, 100).await)?;
    // The writer leaves while the reader waits.
    let (writer, reader) = wit_stream::new();
    let mut taking = pin!(far::take_some(reader, 100));
    same("begun", &None, &poll_immediate(taking.as_mut()).await)?;
    drop(writer);
    same("taken of nothing", &vec![], &taking.await)
}

/// Ends that are dropped without a look at them.
pub async fn nobody_reads() -> Checked {
    let (mut writer, reader) = wit_stream::new();
    let (future, value) = wit_future::new(samples::empty);
    far::ignore(reader, value);
    same("bytes", &10, &writer.write_all(vec![0; 10]).await.len())?;
    same("value", &true, &future.write(samples::full("")).await.is_err())?;
    let before = far::unread();
    drop(far::later(0).await);
    for _ in 0..1000 {
        if far::unread() > before {
            return Ok(());
        }
        wasip3::clocks::monotonic_clock::wait_for(1_000_000).await;
    }
    Err("a future that was dropped got its value".to_owned())
}

/// A read that is given up takes nothing.
pub async fn reads_cancelled() -> Checked {
    let (mut writer, reader) = wit_stream::new();
    let mut back = far::bytes_through(reader).await;
    for _ in 0..3 {
        let mut reading = Box::pin(back.read(Vec::with_capacity(10)));
        same("begun", &true, &poll_immediate(reading.as_mut()).await.is_none())?;
        let (result, part) = reading.as_mut().cancel();
        same("cancelled", &(StreamResult::Cancelled, vec![]), &(result, part))?;
    }
    let rest = async {
        writer.write_all(samples::bytes(50)).await;
        drop(writer);
    };
    let (found, ()) = join(read(back, 7), rest).await;
    same("bytes", &samples::bytes(50), &found)?;
    // A future, too, and it is read afterwards.
    let future: FutureReader<String> = far::later(100).await;
    let mut reading = Box::pin(future.into_future());
    same("begun", &None, &poll_immediate(reading.as_mut()).await)?;
    let Err(future) = reading.as_mut().cancel() else {
        return Err("a future had its value before its time".to_owned());
    };
    same("later", &"later".to_owned(), &future.await)
}

/// A write that is given up tells what was taken, and gives back the rest.
pub async fn writes_cancelled() -> Checked {
    let (mut writer, reader) = wit_stream::new();
    {
        let mut writing = Box::pin(writer.write(samples::leaves(5)));
        same("begun", &true, &poll_immediate(writing.as_mut()).await.is_none())?;
        let (result, rest) = writing.as_mut().cancel();
        same("cancelled", &StreamResult::Cancelled, &result)?;
        same("rest", &samples::leaves(5), &rest.into_vec())?;
    }
    let back = far::leaves_through(reader).await;
    let ((), found) = join(write(writer, samples::leaves(10), 4), read(back, 10)).await;
    same("leaves", &samples::leaves(10), &found)?;

    let (future, value) = wit_future::new(samples::empty);
    let future: FutureWriter<_> = {
        let mut writing = Box::pin(future.write(samples::full("first")));
        same("begun", &true, &poll_immediate(writing.as_mut()).await.is_none())?;
        match writing.as_mut().cancel() {
            FutureWriteCancel::Cancelled(value, writer) => {
                same("value", &samples::full("first"), &value)?;
                writer
            }
            other => return Err(format!("a write that nobody read came to {other:?}")),
        }
    };
    let back = far::future_through(value).await;
    let (written, found) = join(future.write(samples::full("second")), back.into_future()).await;
    same("written", &true, &written.is_ok())?;
    same("future", &samples::full("second"), &found)
}

/// Handles within streams and futures.
pub async fn handles() -> Checked {
    let counters = read(far::counters(10).await, 3).await;
    let values: Vec<u64> = counters.iter().map(things::Counter::value).collect();
    same("counters", &(0..10).collect(), &values)?;
    same("alive", &10, &things::alive())?;
    drop(counters);
    same("alive", &0, &things::alive())?;
    let stream = far::nested("nested".to_owned()).await.await;
    same("nested", &b"nested".to_vec(), &read(stream, 4).await)?;
    let (writer, reader) = wit_stream::new();
    let (back, end) = far::both(reader, "label".to_owned()).await;
    let flow = join(write(writer, samples::bytes(500), 100), read(back, 70));
    let (((), found), end) = join(flow, end.into_future()).await;
    same("bytes", &samples::bytes(500), &found)?;
    same("end", &"label".to_owned(), &end)
}

/// A stream that carries nothing still tells how often.
pub async fn beats() -> Checked {
    same("beats", &100, &read(far::beats(100).await, 7).await.len())?;
    same("no beats", &0, &read(far::beats(0).await, 7).await.len())
}
