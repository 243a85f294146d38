//! Runs one case: its steps in order, and at the end a look whether the host still lives.

use crate::case::Case;
use crate::client::{self, Connections, PATIENCE};
use crate::expect::{differences, spelled};
use crate::host::Running;
use crate::log::Log;
use crate::reply::{Outcome, Reply};
use crate::step::{Begun, Expect, LogLine, Raw, Request, Step, Stop};
use crate::variables::Variables;
use crate::wire;
use anyhow::{Context, Result, bail};
use futures::future::join_all;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long the suite waits for a log line.
const LOG_WITHIN: Duration = Duration::from_secs(5);
/// The pause between two looks at a condition that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The most until a host has answered that it lives.
const ALIVE_WITHIN: Duration = Duration::from_secs(5);
/// The path that every host must answer after every case.
const ALIVE: &str = "/alive/http/hello";

/// The host that a case runs against.
pub enum Target<R> {
    /// One that other cases use at the same time.
    Shared {
        /// Where it listens.
        address: SocketAddr,
        /// What it logs.
        log: Log,
    },
    /// One of its own.
    Own(R),
}

/// A case under way.
struct Run<R> {
    target: Target<R>,
    variables: Variables,
    connections: Connections,
    background: HashMap<String, JoinHandle<Result<Vec<Outcome>>>>,
    clock_ahead_seconds: u64,
    stopped: bool,
}

/// What a step sends.
#[derive(Clone)]
enum Message {
    Ordinary(Request),
    Raw(Raw),
}

/// Runs `case`.
///
/// # Errors
/// The step that was not as the case says, and every difference of it.
pub async fn run<R: Running>(case: &Case, target: Target<R>, origin: &str) -> Result<()> {
    let mut variables = Variables::new(&case.name, origin, "");
    case.add_to(&mut variables);
    let mut run = Run {
        variables,
        target,
        connections: Connections::default(),
        background: HashMap::new(),
        clock_ahead_seconds: 0,
        stopped: false,
    };
    for index in 0..case.step_count() {
        run.variables.set("address", run.address().to_string());
        let step = case.step(index, &run.variables)?;
        run.step(step).await.with_context(|| format!("step {}", index + 1))?;
    }
    if let Some((name, replies)) = run.background.drain().next() {
        replies.abort();
        bail!("the case never joins {name:?}");
    }
    // Whatever a case did, the host goes on answering others.
    if run.stopped { Ok(()) } else { is_alive(run.address()).await.context("after the case") }
}

impl<R: Running> Run<R> {
    fn address(&self) -> SocketAddr {
        match &self.target {
            Target::Shared { address, .. } => *address,
            Target::Own(host) => host.address(),
        }
    }

    fn log(&self) -> &Log {
        match &self.target {
            Target::Shared { log, .. } => log,
            Target::Own(host) => host.log(),
        }
    }

    fn own(&mut self) -> Result<&mut R> {
        match &mut self.target {
            Target::Own(host) => Ok(host),
            Target::Shared { .. } => bail!("this needs a host of the case's own"),
        }
    }

    async fn step(&mut self, step: Step) -> Result<()> {
        if let Some(ending) = step.restart {
            self.own()?.restart(ending).await
        } else if let Some(stop) = &step.stop {
            self.stop(stop).await
        } else if let Some(seconds) = step.advance_clock_seconds {
            self.clock_ahead_seconds += seconds;
            let ahead = self.clock_ahead_seconds;
            self.own()?.set_clock_ahead(ahead)
        } else if let Some(line) = &step.log {
            self.look_for(line).await
        } else if let Some(name) = &step.join {
            let replies = self.background.remove(name);
            let replies = replies.with_context(|| format!("nothing is called {name:?}"))?.await??;
            self.judge(&step, &replies)
        } else if let Some(request) = &step.request {
            self.send(&step, Message::Ordinary(request.clone())).await
        } else if let Some(raw) = &step.raw {
            self.send(&step, Message::Raw(raw.clone())).await
        } else {
            bail!("a step that does nothing")
        }
    }

    async fn send(&mut self, step: &Step, message: Message) -> Result<()> {
        let address = self.address();
        let count = step.parallel.unwrap_or(1);
        if let Some(name) = &step.background {
            let (heads, mut begun) = mpsc::unbounded_channel();
            let replies = tokio::spawn(send_all(address, message, count, Some(heads)));
            self.background.insert(name.clone(), replies);
            return match step.background_until {
                None => Ok(()),
                Some(Begun::Heads) => all_begun(&mut begun, count).await,
            };
        }
        let deadline = Instant::now() + Duration::from_millis(step.until_ms.unwrap_or(0));
        loop {
            let replies = match &message {
                Message::Ordinary(request) if request.connection.is_some() => {
                    vec![self.connections.send(address, request).await?]
                }
                message => send_all(address, message.clone(), count, None).await?,
            };
            match self.judge(step, &replies) {
                Err(_) if Instant::now() < deadline => sleep(LOOK_EVERY).await,
                judged => return judged,
            }
        }
    }

    /// Compares the replies with the step's expectations, and saves what it wants saved.
    fn judge(&mut self, step: &Step, replies: &[Outcome]) -> Result<()> {
        let expect = step.expect.clone().unwrap_or_default();
        let mut found: Vec<String> =
            replies.iter().flat_map(|reply| differences(&expect, reply)).collect();
        found.dedup();
        found.truncate(8);
        if !step.tally.is_empty() {
            let tally = tally(replies);
            if tally != step.tally {
                found.push(format!("statuses: expected {:?}, got {tally:?}", step.tally));
            }
        }
        if !found.is_empty() {
            bail!(found.join("\n"));
        }
        for (name, pointer) in &step.save {
            let Some(Outcome::Reply(reply)) = replies.first() else { bail!("nothing to save") };
            self.variables.set(name, part(reply, pointer)?);
        }
        Ok(())
    }

    async fn stop(&mut self, stop: &Stop) -> Result<()> {
        let start = Instant::now();
        let code = self.own()?.stop(stop.how).await?;
        self.stopped = true;
        let took = start.elapsed().as_millis();
        if stop.exit_code.is_some() && stop.exit_code != code {
            bail!("exit code: expected {:?}, got {code:?}", stop.exit_code);
        }
        if stop.within_ms.is_some_and(|most| took > u128::from(most)) {
            bail!("the stop took {took} ms, over {:?}", stop.within_ms);
        }
        Ok(())
    }

    async fn look_for(&self, line: &LogLine) -> Result<()> {
        if let Some(text) = &line.nowhere {
            if self.log().contains(text) {
                bail!("the log contains {text:?}");
            }
            return Ok(());
        }
        let deadline = Instant::now() + LOG_WITHIN;
        while !self.log().has(line) {
            if Instant::now() > deadline {
                bail!(
                    "no line of the log has {}, contains {} and says something of {}",
                    spelled(&line.has),
                    spelled(&line.contains),
                    spelled(&line.present)
                );
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// Asks what every host must answer after every case.
///
/// # Errors
/// What came in the place of the answer.
pub async fn is_alive(address: SocketAddr) -> Result<()> {
    let request: Request = toml::from_str(&format!("path = {ALIVE:?}"))?;
    let expect = Expect { status: Some(200), ..Expect::default() };
    let answer = timeout(ALIVE_WITHIN, client::send(address, &request, || {})).await;
    let outcome = answer.with_context(|| format!("it answers nothing for {ALIVE_WITHIN:?}"))??;
    let found = differences(&expect, &outcome);
    if found.is_empty() { Ok(()) } else { bail!(found.join("\n")) }
}

/// Sends `message` `count` times at once, and tells `heads` of each head that comes.
async fn send_all(
    address: SocketAddr,
    message: Message,
    count: usize,
    heads: Option<UnboundedSender<()>>,
) -> Result<Vec<Outcome>> {
    let on_head = || {
        // A step that does not wait for heads has dropped the other end.
        let _ = heads.as_ref().map(|heads| heads.send(()));
    };
    let one = async || match &message {
        Message::Ordinary(request) => client::send(address, request, on_head).await,
        Message::Raw(raw) => Ok(wire::send(address, raw).await),
    };
    join_all((0..count).map(|_| one())).await.into_iter().collect()
}

/// Waits until `count` heads were told of.
///
/// # Errors
/// Where a request ends without one, or none comes for [`PATIENCE`].
async fn all_begun(begun: &mut UnboundedReceiver<()>, count: usize) -> Result<()> {
    for index in 0..count {
        let next = timeout(PATIENCE, begun.recv()).await;
        let next = next.with_context(|| format!("no head of a reply came for {PATIENCE:?}"))?;
        next.with_context(|| format!("{index} of {count} replies had a head"))?;
    }
    Ok(())
}

/// How many replies have each status; `none` counts those that did not come.
fn tally(replies: &[Outcome]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for reply in replies {
        let status = match reply {
            Outcome::Reply(reply) => reply.status.to_string(),
            Outcome::Nothing(_) => "none".to_owned(),
            Outcome::Left => "left".to_owned(),
        };
        *tally.entry(status).or_default() += 1;
    }
    tally
}

fn part(reply: &Reply, pointer: &str) -> Result<String> {
    let document: Json = serde_json::from_slice(&reply.body).context("the reply is no JSON")?;
    match document.pointer(pointer) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => bail!("the reply has nothing at {pointer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::all_begun;
    use tokio::sync::mpsc::unbounded_channel;

    #[tokio::test]
    async fn background_has_begun_when_every_head_was_told() {
        let (heads, mut begun) = unbounded_channel();
        heads.send(()).unwrap();
        heads.send(()).unwrap();
        assert!(all_begun(&mut begun, 2).await.is_ok());
        drop(heads);
        assert!(all_begun(&mut begun, 1).await.is_err());
    }
}
