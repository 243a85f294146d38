//! A small host that knows nothing of Selvedge: wasmtime with WASI 0.2 and 0.3, and nothing else.

use http_body_util::{BodyExt as _, Empty};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView, default_hooks};

#[derive(Default)]
struct Wasi {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Wasi {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: default_hooks(), table: &mut self.table, ctx: &mut self.http }
    }
}

/// The status and body with which a 0.3 service answers `GET /`.
pub(crate) fn get(wasm: &[u8]) -> wasmtime::Result<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config)?;
        let mut linker = Linker::<Wasi>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        let component = Component::new(&engine, wasm)?;
        let mut store = Store::new(&engine, Wasi::default());
        let service = Service::instantiate_async(&mut store, &component, &linker).await?;
        let request = http::Request::get("http://localhost/").body(Empty::<bytes::Bytes>::new())?;
        let (request, _sent) = Request::from_http(
            default_hooks(),
            request
                .map(|body| body.map_err(|never| -> wasmtime_wasi_http::Error { match never {} })),
        );
        store
            .run_concurrent(async |store| {
                let response = service.handle(store, request).await?;
                let response =
                    response.map_err(|code| wasmtime::format_err!("answered by {code:?}"))?;
                let response = store.with(|store| response.into_http(store, async { Ok(()) }))?;
                let status = response.status().as_u16();
                let body = response.into_body().collect().await;
                let body = body.map_err(|error| wasmtime::format_err!("{error:?}"))?.to_bytes();
                Ok((status, String::from_utf8_lossy(&body).into_owned()))
            })
            .await?
    })
}
