//! Calls that wait: at once, for each other, and given up.

use crate::bindings::test::crossing::{between, calls};
use crate::bindings::wit_stream;
use crate::{Checked, same};
use futures::future::{join_all, poll_immediate};
use std::pin::{Pin, pin};
use wasip3::clocks::monotonic_clock;

const MILLISECOND: u64 = 1_000_000;
/// Longer than any case takes.
const LONG_MS: u32 = 600_000;
/// How often something is asked for that is to come.
const TRIES: usize = 1000;

async fn pause(ms: u64) {
    monotonic_clock::wait_for(ms * MILLISECOND).await;
}

/// Waits until all of these are noted, in whatever order; gives what is noted beyond them.
async fn noted(expected: &[&str]) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    for _ in 0..TRIES {
        notes.extend(calls::notes());
        if expected.iter().all(|label| notes.iter().any(|note| note == label)) {
            notes.retain(|note| !expected.contains(&note.as_str()));
            return Ok(notes);
        }
        pause(2).await;
    }
    Err(format!("expected {expected:?} to be noted, found {notes:?}"))
}

/// Begins a call; `None` where it waits.
async fn begun<T>(call: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_immediate(call).await
}

/// The later a call begins the sooner it ends, and each gets its own answer.
pub async fn together() -> Checked {
    let labels: Vec<String> = (0..20).map(|index| format!("label {index}")).collect();
    let waits = (0u32..).zip(&labels);
    let waits = waits.map(|(index, label)| calls::wait((20 - index) * 30, label.clone()));
    let answers = join_all(waits).await;
    same("answers", &labels, &answers)?;
    same("begun", &20, &calls::begun())?;
    let mut notes = calls::notes();
    same("the first to end", &Some(&labels[19]), &notes.first())?;
    same("the last to end", &Some(&labels[0]), &notes.last())?;
    notes.sort();
    let mut sorted = labels;
    sorted.sort();
    same("notes", &sorted, &notes)?;
    // Many more, which all end at about the same time.
    let waits = (0..500u32).map(|index| calls::wait(index % 3, index.to_string()));
    let answers = join_all(waits).await;
    same("many", &(0..500u32).map(|index| index.to_string()).collect(), &answers)
}

/// Calls that give way let each other go on.
pub async fn turns() -> Checked {
    let calls = ["a", "b", "c"].map(|label| calls::turns(50, label.to_owned()));
    join_all(calls).await;
    let notes = calls::notes();
    same("turns", &150, &notes.len())?;
    let last = |label: &str| notes.iter().rposition(|note| note == label);
    let first = |label: &str| notes.iter().position(|note| note == label);
    if first("b") > last("a") || first("c") > last("b") || first("c") > last("a") {
        return Err(format!("one did not give way to another: {notes:?}"));
    }
    Ok(())
}

/// Whoever waits without giving the stack back gets the answer, and what is under way goes on.
pub async fn waited_for() -> Checked {
    let mut beside = pin!(calls::wait(30, "beside".to_owned()));
    same("begun", &None, &begun(beside.as_mut()).await)?;
    same("at once", &"at once".to_owned(), &calls::wait_for_it(0, "at once"))?;
    same("waited for", &"waited for".to_owned(), &calls::wait_for_it(60, "waited for"))?;
    same("beside", &"beside".to_owned(), &beside.await)?;
    let expected = ["at once", "beside", "waited for"];
    same("notes", &expected.map(str::to_owned).to_vec(), &calls::notes())
}

/// A function that keeps its stack while it waits keeps others out, and its caller goes on.
pub async fn blocking() -> Checked {
    same("blocks", &"short".to_owned(), &calls::block(0, "short".to_owned()).await)?;
    same("waited for", &"for it".to_owned(), &calls::block_for_it(20, "for it"))?;
    let mut call = pin!(calls::block(50, "blocks".to_owned()));
    same("begun", &None, &begun(call.as_mut()).await)?;
    // It waits for its turn, however short it is.
    let mut other = pin!(calls::wait(0, "other".to_owned()));
    same("begun beside it", &None, &begun(other.as_mut()).await)?;
    same("blocks", &"blocks".to_owned(), &call.await)?;
    same("other", &"other".to_owned(), &other.await)?;
    let expected = ["short", "for it", "blocks", "other"];
    same("notes", &expected.map(str::to_owned).to_vec(), &calls::notes())
}

/// Traps.
pub fn stuck() -> Checked {
    calls::stuck(1);
    Err("a function that is not asynchronous waited".to_owned())
}

/// A function that is not asynchronous is let in wherever others are kept out.
pub async fn entered() -> Checked {
    let mut call = pin!(calls::block(30, "blocks".to_owned()));
    same("begun", &None, &begun(call.as_mut()).await)?;
    same("begun", &1, &calls::begun())?;
    same("notes", &vec![], &calls::notes())?;
    same("blocks", &"blocks".to_owned(), &call.await)?;
    same("notes", &vec!["blocks".to_owned()], &calls::notes())
}

/// A function that gives way is gone on with, whether it is asynchronous or not.
pub async fn given_way() -> Checked {
    let mut turns = pin!(calls::turns(20, "turns".to_owned()));
    same("begun", &None, &begun(turns.as_mut()).await)?;
    calls::give_way(5, "sync");
    let mut notes = calls::notes();
    same("the last note", &Some(&"sync".to_owned()), &notes.last())?;
    turns.await;
    notes.extend(calls::notes());
    let count = |label: &str| notes.iter().filter(|note| *note == label).count();
    same("notes", &(20, 2), &(count("turns"), count("sync")))?;
    let both = [
        calls::block_in_turns(10, "one".to_owned()),
        calls::block_in_turns(10, "other".to_owned()),
    ];
    join_all(both).await;
    let notes = calls::notes();
    same("turns", &20, &notes.len())
}

/// Traps.
pub async fn failing() -> Checked {
    calls::fail(5).await;
    Err("a call that traps came back".to_owned())
}

pub async fn answered_first() -> Checked {
    let label = calls::answer_first(200, "after".to_owned()).await;
    same("answer", &"after".to_owned(), &label)?;
    same("notes at the answer", &vec![], &calls::notes())?;
    same("notes beyond", &vec![], &noted(&["after"]).await?)
}

/// A call that nobody waits for any more ends where it waits.
pub async fn cancelled() -> Checked {
    {
        let mut call = pin!(calls::wait(LONG_MS, "long".to_owned()));
        same("begun", &None, &begun(call.as_mut()).await)?;
        pause(5).await;
        same("begun", &1, &calls::begun())?;
    }
    same("notes", &vec!["!long".to_owned()], &calls::notes())?;
    // One of several.
    let (mut one, mut other) = (
        Box::pin(calls::wait(LONG_MS, "one".to_owned())),
        Box::pin(calls::wait(30, "other".to_owned())),
    );
    same("one", &None, &begun(one.as_mut()).await)?;
    same("other", &None, &begun(other.as_mut()).await)?;
    drop(one);
    same("other", &"other".to_owned(), &other.await)?;
    same("notes", &vec!["!one".to_owned(), "other".to_owned()], &calls::notes())?;
    // One that has ended meanwhile, though nobody has asked it.
    {
        let mut call = pin!(calls::wait(1, "ended".to_owned()));
        same("begun", &None, &begun(call.as_mut()).await)?;
        same("notes beyond", &vec![], &noted(&["ended"]).await?)?;
    }
    same("notes", &vec![], &calls::notes())
}

/// The component between ends its own call with it.
pub async fn cancelled_beyond() -> Checked {
    same("handed on", &"passed".to_owned(), &between::wait(1, "passed".to_owned()).await)?;
    {
        let mut call = pin!(between::wait(LONG_MS, "beyond".to_owned()));
        same("begun", &None, &begun(call.as_mut()).await)?;
        pause(5).await;
        same("begun", &2, &calls::begun())?;
    }
    same("notes", &vec!["passed".to_owned(), "!beyond".to_owned()], &calls::notes())
}

/// A call is ended in the moment in which something comes that it waits for; its other work goes on.
pub async fn cancelled_amid() -> Checked {
    for round in 0..5 {
        let label = format!("round {round}");
        let (mut writer, reader) = wit_stream::new();
        {
            let mut call = pin!(calls::listen(reader, label.clone()));
            same("begun", &None, &begun(call.as_mut()).await)?;
            pause(5).await;
            let left = writer.write_all(vec![1]).await;
            same("left", &vec![], &left)?;
        }
        let gone = format!("!{label}");
        same("notes beyond", &vec![], &noted(&[&gone, &label]).await?)?;
        same("what nobody reads", &1, &writer.write_all(vec![2]).await.len())?;
    }
    // The same call, to its end.
    let (mut writer, reader) = wit_stream::new();
    let call = calls::listen(reader, "whole".to_owned());
    let write = async {
        writer.write_all(vec![0; 100]).await;
        drop(writer);
    };
    let (count, ()) = futures::future::join(call, write).await;
    same("count", &100, &count)?;
    same("notes beyond", &vec![], &noted(&["whole"]).await?)
}

/// A component that lets nobody in keeps calls waiting before they begin, where they can be given up.
pub async fn held() -> Checked {
    calls::hold(true);
    let mut one = Box::pin(calls::wait(0, "one".to_owned()));
    let mut given_up = Box::pin(calls::wait(0, "given up".to_owned()));
    let mut other = Box::pin(calls::wait(0, "other".to_owned()));
    for call in [&mut one, &mut given_up, &mut other] {
        same("held", &None, &begun(call.as_mut()).await)?;
    }
    // What was to go with a call is still the caller's where it has not begun.
    let (mut writer, reader) = wit_stream::new();
    let mut listen = Box::pin(calls::listen(reader, "listen".to_owned()));
    same("held, with a stream", &None, &begun(listen.as_mut()).await)?;
    pause(5).await;
    same("begun", &0, &calls::begun())?;
    drop((given_up, listen));
    same("what nobody reads", &1, &writer.write_all(vec![1]).await.len())?;
    calls::hold(false);
    same("one", &"one".to_owned(), &one.await)?;
    same("other", &"other".to_owned(), &other.await)?;
    same("begun", &2, &calls::begun())?;
    let mut notes = calls::notes();
    notes.sort();
    same("notes", &vec!["one".to_owned(), "other".to_owned()], &notes)
}
