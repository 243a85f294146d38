//! A live instance: it takes calls, and after each of its turns what it wrote is committed, synced,
//! and only then told.

mod alarm;
mod desk;
mod disk;
mod end;

pub(super) use self::end::End;

use self::alarm::handle_alarm;
use self::desk::{Answer, Asker, Desk};
use self::disk::Disk;
use crate::guest::object::class::Functions;
use crate::guest::object::life::Life;
use crate::guest::object::mailbox::{Call, CallError, Event, Fetch};
use crate::guest::object::own::Shared;
use crate::guest::steps::Steps;
use crate::guest::vitals::{FIRST_TICKS, Vitals};
use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use selvedge_wasi::State;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::{Accessor, Val};
use wasmtime::{AsContextMut as _, Store};

/// How often a live instance looks whether it is idle, or has calls that nobody waits for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long work may go on in an idle instance after its last call.
const BACKGROUND_MAX: Duration = Duration::from_secs(30);
/// How long work that no call waits for, as sending the body of an answer, may keep the next call
/// waiting where the class was replaced.
///
/// Ours: a body that somebody reads is mostly sent by then, and one that never ends, as events are,
/// must not keep new code from being tried.
const HANDOVER_MAX: Duration = Duration::from_secs(3);

/// Lets an instance live to its end; everybody who waits for it has an answer then.
pub(super) async fn run(
    life: &Life,
    shared: &Arc<Shared>,
    vitals: &Arc<Vitals>,
    mut store: Store<State>,
    functions: &Functions,
    permit: Option<OwnedSemaphorePermit>,
) {
    let desk = Desk::default();
    desk.last_active.set(Some(Instant::now()));
    let mut disk = Disk {
        life,
        shared,
        desk: &desk,
        steps: Steps::new(),
        syncing: None,
        adding: None,
        away: None,
        permit,
    };
    let end = {
        let turns = store.run_concurrent(async |accessor| {
            let ended = start(life, functions, accessor).await;
            let object = match ended {
                Ok(object) => object,
                Err(error) => return Err(error),
            };
            desk.has_started.set(true);
            take_calls(life, shared, &desk, functions, &object, accessor).await
        });
        let mut turns = pin!(turns);
        let mut look = pin!(tokio::time::sleep(LOOK_EVERY));
        poll_fn(|cx| {
            vitals.set_waker(cx.waker());
            life.mailbox.register(cx);
            disk.poll(vitals, turns.as_mut(), look.as_mut(), cx)
        })
        .await
    };
    life.tell_end(&end);
    // The instance goes first: nothing of it may write any more.
    drop(store);
    disk.settle(&end).await;
    let error = CallError::Reset(end.for_callers());
    for begun in desk.begun.take() {
        begun.asker.refuse(&error);
    }
    for (_, answer) in desk.answered.take() {
        answer.refuse(&error);
    }
    if let End::Broken(..) = end
        && !desk.has_started.get()
    {
        // What waited for the start has waited for this.
        life.refuse_all(&error);
    }
}

/// Tells the object of its start, and makes the author's resource.
async fn start(
    life: &Life,
    functions: &Functions,
    accessor: &Accessor<State>,
) -> wasmtime::Result<Val> {
    accessor.with(|mut store| store.as_context_mut().set_epoch_deadline(FIRST_TICKS));
    if let Some(lifecycle) = functions.lifecycle {
        let mut result = [Val::Bool(false)];
        lifecycle.call_concurrent(accessor, &[], &mut result).await?;
        if let [Val::Result(Err(reason))] = result {
            wasmtime::bail!("its start failed: {}", spelled(reason.as_deref()));
        }
    }
    let mut object = [Val::Bool(false)];
    let name = Val::String(life.name.to_string());
    functions.constructor.call_concurrent(accessor, &[name], &mut object).await?;
    let [object] = object;
    Ok(object)
}

/// The instance's own loop: begins what waits, and notes what has been answered.
async fn take_calls(
    life: &Life,
    shared: &Arc<Shared>,
    desk: &Desk,
    functions: &Functions,
    object: &Val,
    accessor: &Accessor<State>,
) -> wasmtime::Result<()> {
    let mut running = FuturesUnordered::new();
    poll_fn(|cx| {
        loop {
            match running.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(()))) => continue,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) | Poll::Pending => {}
            }
            if life.class.serial && !running.is_empty() {
                break;
            }
            // What comes now is for the next instance.
            if life.class.is_replaced() {
                break;
            }
            // An order waits until the instance is quiet, and whoever comes after it waits, too.
            let Some(event) = life.mailbox.take_call() else { break };
            if event.is_abandoned() {
                continue;
            }
            accessor.with(|mut store| store.as_context_mut().set_epoch_deadline(FIRST_TICKS));
            running.push(begin(life, shared, desk, functions, object, accessor, event));
        }
        desk.in_background.set(accessor.poll_no_interesting_tasks(cx).is_pending());
        Poll::Pending
    })
    .await
}

type Running<'a> = BoxFuture<'a, wasmtime::Result<()>>;

fn begin<'a>(
    life: &'a Life,
    shared: &'a Arc<Shared>,
    desk: &'a Desk,
    functions: &'a Functions,
    object: &'a Val,
    accessor: &'a Accessor<State>,
    event: Event,
) -> Running<'a> {
    match event {
        Event::Call(Call { method, arguments, reply, place }) => {
            let Some(function) = functions.methods.get(method).copied().flatten() else {
                // Called by what was linked before the class was replaced.
                drop(
                    reply.send(Err(CallError::Invalid("the object has no such method".to_owned()))),
                );
                return Box::pin(async { Ok(()) });
            };
            let has_result = life.class.shape.methods.get(method);
            let has_result =
                has_result.and_then(Option::as_ref).is_some_and(|it| it.result.is_some());
            let number = desk.begin(Asker::Call(reply, place));
            Box::pin(async move {
                let mut parameters = Vec::with_capacity(arguments.len() + 1);
                parameters.push(object.clone());
                parameters.extend(arguments);
                let mut results = [Val::Bool(false)];
                let slots = if has_result { &mut results[..] } else { &mut results[..0] };
                function.call_concurrent(accessor, &parameters, slots).await?;
                let [result] = results;
                desk.answer(shared, number, |asker| match asker {
                    Asker::Call(reply, place) => {
                        Some(Answer::Call(reply, has_result.then_some(result), place))
                    }
                    _ => None,
                });
                Ok(())
            })
        }
        Event::Fetch(fetch) => {
            let Fetch { request, reply, place } = *fetch;
            let Some(http) = &functions.http else {
                // As above.
                drop(reply.send(Err(CallError::Invalid("the object answers no HTTP".to_owned()))));
                return Box::pin(async { Ok(()) });
            };
            let number = desk.begin(Asker::Fetch(reply, place));
            Box::pin(async move {
                let (tell, response) = oneshot::channel();
                let running = selvedge_wasi::begin(http, accessor, request, tell)?;
                let (response, ()) = futures::join!(
                    async {
                        let response = response.await;
                        desk.answer_fetch(shared, number, response);
                    },
                    running
                );
                let () = response;
                Ok(())
            })
        }
        Event::Alarm(due) => handle_alarm(life, shared, desk, functions, accessor, due),
        Event::Order(_) => Box::pin(async { Ok(()) }),
    }
}

fn spelled(value: Option<&Val>) -> String {
    match value {
        Some(Val::String(text)) => text.clone(),
        _ => "it did not say why".to_owned(),
    }
}
