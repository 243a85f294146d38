//! Step 2 of a request's way, choose: which service answers, whether it may, and what the client
//! gets where it does not.
//!
//! Before it comes `server`, after it `guest`.

mod answer;
mod body;
mod request;

use crate::guest::job::{Job, RequestId, Ticket};
use crate::guest::object::directory::{Classes, Objects};
use crate::guest::pool::Pool;
use crate::guest::service::Service;
use crate::guest::vitals::Vitals;
pub(crate) use answer::Answer;
use answer::Outcome;
use futures::channel::oneshot;
use hyper::body::Incoming;
use request::Guarded;
use selvedge_contract::failure::Failure;
use selvedge_contract::route::Table;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Somebody waits for an answer; when not any more, the instance is told.
struct Waiting<'t>(&'t Ticket);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// An app that can be served, in one edition: its services and who answers what.
pub(crate) struct App {
    /// The services.
    pub(crate) services: Vec<Arc<Service>>,
    /// The classes of objects.
    pub(crate) classes: Classes,
    /// Which of them answers, by index.
    pub(crate) routes: Table<usize>,
    /// Its objects.
    pub(crate) objects: Arc<Objects>,
    /// The largest head of a request that any service takes.
    pub(crate) header_bytes_max: usize,
}

/// What one serving thread has of the app. This is the place that says which edition is served: a
/// request looks here once, and stays with what it found.
pub(crate) struct Dispatch {
    view: RefCell<Rc<View>>,
    /// Pools of services that are not in the app any more, or were replaced there.
    retired: RefCell<Vec<Rc<Pool>>>,
}

/// One serving thread's view of one edition.
struct View {
    app: Arc<App>,
    pools: Vec<Rc<Pool>>,
}

impl Dispatch {
    /// The view of a new thread.
    pub(crate) fn new(app: &Arc<App>) -> Self {
        let services = app.services.iter();
        let pools = services.map(|service| Pool::new(Arc::clone(service))).collect();
        let view = View { app: Arc::clone(app), pools };
        Self { view: RefCell::new(Rc::new(view)), retired: RefCell::default() }
    }

    /// Has every request from now on answered by another edition. Services that are in both go on
    /// with their instances; those of the others end when their work is done.
    pub(crate) fn take(&self, app: &Arc<App>) {
        let before = Rc::clone(&self.view.borrow());
        let pool = |service: &Arc<Service>| {
            let known = before.pools.iter().find(|pool| Arc::ptr_eq(&pool.service, service));
            known.map_or_else(|| Pool::new(Arc::clone(service)), Rc::clone)
        };
        let pools: Vec<_> = app.services.iter().map(pool).collect();
        let is_left = |pool: &&Rc<Pool>| !pools.iter().any(|other| Rc::ptr_eq(other, pool));
        self.retired.borrow_mut().extend(before.pools.iter().filter(is_left).map(Rc::clone));
        self.view.replace(Rc::new(View { app: Arc::clone(app), pools }));
        self.tend();
    }

    /// Answers a request, whatever happens.
    pub(crate) async fn answer(
        &self,
        mut request: http::Request<Incoming>,
    ) -> http::Response<Answer> {
        let view = Rc::clone(&self.view.borrow());
        let id = RequestId::next();
        let pool = match view.choose(&mut request) {
            Ok(pool) => pool,
            Err(failure) => return answer::failure(failure, id, ""),
        };
        let service = &pool.service;
        match view.ask(pool, request, id).await {
            Ok(response) => response,
            Err(failure) => answer::failure(failure, id, &service.name),
        }
    }

    /// Looks after the instances of this thread. Called now and then.
    pub(crate) fn tend(&self) {
        for pool in &self.view.borrow().pools {
            pool.tend();
        }
        self.retired.borrow_mut().retain(|pool| {
            // An instance that was started for a job that waited knows nothing of it yet.
            pool.retire_all();
            pool.tend();
            let is_over = pool.is_empty() && pool.service.is_at_rest();
            if is_over {
                pool.end();
            }
            !is_over
        });
    }

    /// Asks every instance to end when its work is done.
    pub(crate) fn retire_all(&self) {
        for pool in &self.view.borrow().pools {
            pool.retire_all();
        }
    }

    /// Whether no instance is left.
    pub(crate) fn is_empty(&self) -> bool {
        let view = self.view.borrow();
        view.pools.iter().chain(&*self.retired.borrow()).all(|pool| pool.is_empty())
    }
}

impl View {
    fn choose(&self, request: &mut http::Request<Incoming>) -> Result<&Rc<Pool>, Failure> {
        request::complete_target(request)?;
        let uri = request.uri();
        let index = self.app.routes.find(uri.host(), uri.path()).ok_or(Failure::NoRoute)?;
        self.pools.get(*index).ok_or(Failure::NoRoute)
    }

    async fn ask(
        &self,
        pool: &Rc<Pool>,
        request: http::Request<Incoming>,
        id: RequestId,
    ) -> Result<http::Response<Answer>, Failure> {
        let service = &pool.service;
        let limits = &service.limits;
        request::check_head(&request, limits, self.app.header_bytes_max)?;
        let admission = service.admit().ok_or(Failure::TooManyRequests)?;
        let ticket = Ticket::new(id);
        let Guarded { request, trouble } = request::guard(request, limits, &ticket);
        let (reply, response) = oneshot::channel();
        pool.place(Job { request, reply, ticket: Arc::clone(&ticket) });
        // From here on: whoever stops waiting, be it the client that leaves, tells the instance.
        let waiting = Waiting(&ticket);
        let outcome = answer::wait(response, trouble, Duration::from_millis(limits.wall_ms)).await;
        match outcome {
            Outcome::Replied(response) => {
                // A 0.2 guest goes on after its answer's head, and writes the body.
                std::mem::forget(waiting);
                answer::accept(response, limits, Arc::clone(&ticket), admission)
            }
            Outcome::Failed(error) => Err(answer::failed(&error, &service.name, &ticket)),
            Outcome::Ended => Err(ticket.instance().map_or(Failure::Trap, Vitals::cause)),
            Outcome::Trouble(failure) => Err(failure),
            Outcome::TimedOut if ticket.awaits_client() => Err(Failure::RequestBodyTimeout),
            Outcome::TimedOut if ticket.instance().is_none() => Err(Failure::TooManyInstances),
            Outcome::TimedOut => Err(Failure::WallTime),
        }
    }
}
