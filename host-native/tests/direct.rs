//! A service and its object composed into one component: a call between them is a call, with no host
//! in between. So an object can be tried out with nothing but storage in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

use bytes::Bytes;
use futures::channel::oneshot;
use http_body_util::{BodyExt as _, Empty};
use selvedge_wasi::{Host, State};
use serde_json::{Value, json};
use std::any::Any;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower};
use wasmtime::{Config, Engine, ResourceLimiter, Store, StoreContextMut, StoreLimits};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_config::WasiConfigVariables;
use wasmtime_wasi_http::handler::{Proxy, ProxyPre};
use wasmtime_wasi_http::{Error, WasiHttpCtx, WasiHttpHooks, default_hooks};

/// What an instance has beside WASI: what the object stores.
struct Stored {
    keys: BTreeMap<String, Vec<u8>>,
    /// The next write is refused.
    is_full: bool,
    limits: StoreLimits,
    config: WasiConfigVariables,
}

impl Host for Stored {
    fn hooks(&mut self) -> &mut dyn WasiHttpHooks {
        default_hooks()
    }
    fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.limits
    }
    fn config(&self) -> &WasiConfigVariables {
        &self.config
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// `selvedge:durable/storage.error`.
#[derive(Debug, Clone, ComponentType, Lower, Lift)]
#[component(variant)]
enum StorageError {
    #[component(name = "invalid-key")]
    InvalidKey(String),
    #[component(name = "too-large")]
    TooLarge(String),
    #[component(name = "unavailable")]
    Unavailable(String),
}

fn stored(state: &mut State) -> &mut Stored {
    state.host.as_any_mut().downcast_mut().unwrap()
}

/// What the counter uses of `selvedge:durable/storage`.
fn link_storage(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut storage = linker.instance("selvedge:durable/storage@0.1.0")?;
    storage.func_wrap("get", |mut store: StoreContextMut<'_, State>, (key,): (String,)| {
        let value = stored(store.data_mut()).keys.get(&key).cloned();
        Ok((Ok::<_, StorageError>(value),))
    })?;
    storage.func_wrap(
        "put",
        |mut store: StoreContextMut<'_, State>, (key, value): (String, Vec<u8>)| {
            let stored = stored(store.data_mut());
            if std::mem::take(&mut stored.is_full) {
                return Ok((Err(StorageError::Unavailable("the storage is full".to_owned())),));
            }
            stored.keys.insert(key, value);
            Ok((Ok(()),))
        },
    )
}

/// One instance of service and object.
struct Counter {
    store: Store<State>,
    proxy: Proxy,
}

impl Counter {
    async fn with(keys: BTreeMap<String, Vec<u8>>) -> Self {
        let (engine, pre) = composed();
        let host = Stored {
            keys,
            is_full: false,
            limits: StoreLimits::default(),
            config: WasiConfigVariables::default(),
        };
        let state = State::new(WasiCtx::builder().build(), WasiHttpCtx::new(), Box::new(host));
        let mut store = selvedge_wasi::store(engine, state);
        let proxy = selvedge_wasi::instantiate(pre, &mut store).await.unwrap();
        Self { store, proxy }
    }

    async fn ask(&mut self, method: &str, path: &str) -> (u16, Value) {
        let body = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("host", "localhost").body(body).unwrap();
        let proxy = &self.proxy;
        let answered = self.store.run_concurrent(async |accessor| {
            let (tell, told) = oneshot::channel();
            let running = selvedge_wasi::begin(proxy, accessor, request, tell).unwrap();
            let heard = async {
                let response = told.await.unwrap().unwrap();
                let status = response.status().as_u16();
                let body: Result<_, Error> = response.into_body().collect().await;
                (status, body.unwrap().to_bytes())
            };
            let (heard, ()) = futures::join!(heard, running);
            heard
        });
        let (status, body) = answered.await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn stored(&mut self) -> &mut Stored {
        stored(self.store.data_mut())
    }
}

/// The demo's counter, service and object in one.
fn composed() -> &'static (Engine, ProxyPre<State>) {
    static COMPOSED: OnceLock<(Engine, ProxyPre<State>)> = OnceLock::new();
    COMPOSED.get_or_init(|| {
        let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("../components");
        let selvedge = env!("CARGO_BIN_EXE_selvedge");
        let built = Command::new(selvedge).arg("build").arg("--app").arg(&app).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let mut graph = CompositionGraph::new();
        let mut register = |name: &str, path: PathBuf| {
            let package = Package::from_file(name, None, path, graph.types_mut()).unwrap();
            graph.register_package(package).unwrap()
        };
        let service = register("demo:service", app.join(".selvedge/services/counter.wasm"));
        let object = register("demo:object", app.join(".selvedge/objects/counter.wasm"));
        plug(&mut graph, vec![object], service).unwrap();
        let bytes = graph.encode(EncodeOptions::default()).unwrap();
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, bytes).unwrap();
        let mut linker = selvedge_wasi::link(&engine).unwrap();
        link_storage(&mut linker).unwrap();
        let pre = selvedge_wasi::prepare(&linker, &component).unwrap();
        (engine, pre)
    })
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn counter_counts_what_it_stored() {
    run(async {
        let mut counter = Counter::with(BTreeMap::new()).await;
        let answer = |value: u64| (200, json!({ "name": "a", "value": value, "visits": 1 }));
        // Without a host each call is its own visit: the resource is made anew for it.
        assert_eq!(counter.ask("GET", "/counter/a").await, answer(0));
        assert_eq!(counter.ask("POST", "/counter/a").await, answer(1));
        assert_eq!(counter.ask("POST", "/counter/a?by=41").await, answer(42));
        assert_eq!(counter.ask("GET", "/counter/a").await, answer(42));
        assert_eq!(counter.stored().keys["value"], 42u64.to_be_bytes());
        let keys = std::mem::take(&mut counter.stored().keys);
        let mut next = Counter::with(keys).await;
        assert_eq!(next.ask("POST", "/counter/a").await, answer(43));
    });
}

#[test]
fn counter_tells_what_cannot_be_done() {
    run(async {
        let keys = BTreeMap::from([("value".to_owned(), u64::MAX.to_be_bytes().to_vec())]);
        let mut counter = Counter::with(keys).await;
        assert_eq!(counter.ask("POST", "/counter/a").await.0, 400);
        assert_eq!(counter.ask("POST", "/counter/a?by=0").await.1["value"], u64::MAX);
        counter.stored().keys.clear();
        counter.stored().is_full = true;
        assert_eq!(counter.ask("POST", "/counter/a").await.0, 503);
        assert_eq!(counter.ask("POST", "/counter/a").await.1["value"], 1);
        counter.stored().keys.insert("value".to_owned(), b"no number".to_vec());
        assert_eq!(counter.ask("GET", "/counter/a").await.0, 503);
        assert_eq!(counter.ask("DELETE", "/counter/a").await.0, 405);
        assert_eq!(counter.ask("GET", "/counter/").await.0, 400);
    });
}
