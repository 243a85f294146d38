//! The life of one instance: it is started for a request, takes more, and ends.
//!
//! Everything that a guest does happens inside the one future that [`run`] is, on the thread that
//! started it. It ends when it is told to retire and its work is done, when it traps, or when only
//! work is left that has gone on for longer than it may.

use crate::guest::job::{Job, Ticket};
use crate::guest::pool::{Pool, Slot};
use crate::guest::room::is_full;
use crate::guest::steps::Steps;
use crate::guest::vitals::{FIRST_TICKS, Vitals};
use futures::stream::{FuturesUnordered, StreamExt};
use selvedge_contract::failure::Failure;
use selvedge_wasi::State;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wasmtime::component::{Accessor, Func};
use wasmtime::{AsContextMut, Store};
use wasmtime_wasi_http::handler::Proxy;

/// Starts an instance for `first`, and lets it live. The caller has claimed a place for it.
pub(super) async fn run(pool: Rc<Pool>, first: Job) {
    let vitals = Arc::new(Vitals::default());
    // Known before the start, so that a start that never ends can be told from one that waits.
    first.ticket.taken_by(&vitals);
    match pool.service.instantiate(&vitals).await {
        Ok((store, proxy)) => {
            let slot = pool.add(vitals, first);
            let ended = live(&pool, &slot, store, &proxy).await;
            pool.remove(&slot);
            if let Err(error) = ended {
                log_end(&pool, &slot, &error);
            }
        }
        Err(error) => {
            let failure = match vitals.cause() {
                Failure::Trap if is_full(&error) => Failure::TooManyInstances,
                Failure::Trap => Failure::StartFailed,
                cause => cause,
            };
            tracing::error!(
                service = &*pool.service.name,
                failure = failure.name(),
                limit = failure.limit(),
                cause = format!("{error:#}"),
                "the component could not be started"
            );
            first.refuse(failure);
        }
    }
    pool.service.instance_ended();
    pool.pull();
}

fn log_end(pool: &Pool, slot: &Slot, error: &wasmtime::Error) {
    let failure = if error.is::<Overdue>() { Failure::WallTime } else { slot.vitals.cause() };
    tracing::warn!(
        service = &*pool.service.name,
        failure = failure.name(),
        limit = failure.limit(),
        request = %slot.vitals.working_for(),
        in_flight = slot.in_flight.get(),
        cause = format!("{error:#}"),
        "the instance was ended"
    );
}

/// Only work was left that had gone on for longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("work that no client waits for went on for longer than it may")]
struct Overdue;

/// Lets the instance take and answer requests until it is to end.
async fn live(
    pool: &Rc<Pool>,
    slot: &Rc<Slot>,
    mut store: Store<State>,
    proxy: &Proxy,
) -> wasmtime::Result<()> {
    let after_response = Duration::from_millis(pool.service.limits.after_response_ms);
    let mut turns =
        pin!(store.run_concurrent(async |accessor| take_turns(pool, slot, proxy, accessor).await));
    poll_fn(|cx| {
        slot.vitals.set_waker(cx.waker());
        Poll::Ready(())
    })
    .await;
    let steps = Steps::new();
    poll_fn(|cx| {
        if let Poll::Ready(ended) = steps.poll(cx, turns.as_mut()) {
            let ended = ended.and_then(|ended| ended);
            if ended.is_err() {
                slot.vitals.set_broken();
            }
            return Poll::Ready(ended);
        }
        let computing = slot.vitals.take_computing();
        slot.busy.set(computing);
        if computing {
            // It may compute for long: whoever has not begun is better off elsewhere.
            pool.hand_back(slot);
        } else if slot.left.get() > 0 {
            // There may be room now for what waits.
            pool.pull();
        }
        // The guest may hold the store, and so keep `take_turns` from noticing this.
        if slot.vitals.given_up() > 0 {
            slot.retiring.set(true);
        }
        if slot.retiring.get() && slot.is_overdue(after_response) {
            slot.vitals.set_broken();
            return Poll::Ready(Err(wasmtime::Error::new(Overdue)));
        }
        Poll::Pending
    })
    .await
}

/// The instance's own loop: begins what is in the inbox, and watches over what has begun.
async fn take_turns(
    pool: &Rc<Pool>,
    slot: &Rc<Slot>,
    proxy: &Proxy,
    accessor: &Accessor<State>,
) -> wasmtime::Result<()> {
    let handler = handler(proxy);
    let mut begun = FuturesUnordered::new();
    poll_fn(|cx| {
        loop {
            match begun.poll_next_unpin(cx) {
                Poll::Ready(Some(ticket)) => {
                    let ticket: Arc<Ticket> = ticket;
                    finish(slot, &ticket);
                    continue;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            if slot.inbox.borrow().is_empty() {
                break;
            }
            if !begun.is_empty()
                && accessor.poll_ready_for_concurrent_call(handler, cx).is_pending()
            {
                // The guest wants no other request now.
                slot.busy.set(true);
                pool.hand_back(slot);
                break;
            }
            let Some(job) = slot.inbox.borrow_mut().pop_front() else { break };
            if job.reply.is_canceled() {
                slot.in_flight.set(slot.in_flight.get() - 1);
                continue;
            }
            match begin(slot, proxy, accessor, job) {
                Ok(running) => begun.push(running),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        end_if_done(slot, begun.is_empty(), accessor, cx)
    })
    .await
}

/// Ready when the instance is to end and nothing keeps it.
fn end_if_done(
    slot: &Slot,
    none_begun: bool,
    accessor: &Accessor<State>,
    cx: &mut Context<'_>,
) -> Poll<wasmtime::Result<()>> {
    let may_end = slot.retiring.get() || slot.left.get() == 0;
    if may_end && none_begun && accessor.poll_no_interesting_tasks(cx).is_ready() {
        slot.retiring.set(true);
        return Poll::Ready(Ok(()));
    }
    Poll::Pending
}

/// Begins one request; the future ends when the guest has answered it.
fn begin<'a>(
    slot: &Slot,
    proxy: &'a Proxy,
    accessor: &'a Accessor<State>,
    job: Job,
) -> wasmtime::Result<impl Future<Output = Arc<Ticket>> + 'a> {
    let Job { request, reply, ticket } = job;
    ticket.taken_by(&slot.vitals);
    slot.vitals.working_for().begin(ticket.id);
    accessor.with(|mut store| store.as_context_mut().set_epoch_deadline(FIRST_TICKS));
    let answered = selvedge_wasi::begin(proxy, accessor, request, reply)?;
    Ok(async move {
        answered.await;
        ticket
    })
}

/// Notes that the guest has answered a request.
fn finish(slot: &Slot, ticket: &Ticket) {
    slot.in_flight.set(slot.in_flight.get() - 1);
    slot.vitals.working_for().answered(ticket.id);
    slot.has_answered.set(true);
    slot.active.set(Instant::now());
    ticket.answered();
}

fn handler(proxy: &Proxy) -> Func {
    match proxy {
        Proxy::P3(guest) => *guest.wasi_http_handler().func_handle().func(),
        Proxy::P2(guest) => *guest.wasi_http_incoming_handler().func_handle().func(),
    }
}
