//! The one place that configures wasmtime: whatever compiles or runs a component uses [`open`], or
//! compiled artefacts would not match.

use selvedge_contract::limits::EPOCH_TICK_MS;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{
    CacheStore, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

/// Most instances of all services and objects in one process, in both of its rooms. An instance
/// with several memories counts as one for each.
///
/// Linux allows 65 530 mappings a process (`vm.max_map_count`), and a process that has no more ends
/// as soon as it starts a thread. Measured 2026-11-26: each stack of the pools takes two, and each
/// memory in use four, so that these take 61 600; some thousands are left for threads, files and code.
pub const INSTANCES_MAX: u32 = 10_200;

/// Instances for which there is room from the start: guarding their stacks takes the kernel a
/// millisecond or two.
///
/// Ours: as many as one service may have by default.
pub const INSTANCES_AT_START: u32 = 1_000;

/// Stacks and memories that are being given back, and so are not yet free, while others are taken.
pub(crate) const SPARE: u32 = 64;

/// Bytes of address space set aside for each linear memory: with the guard, all of them fit easily,
/// and a guest that asks for more than it may have is stopped by its own limit before.
const MEMORY_RESERVATION: u64 = 1 << 32;

/// Bytes of a dead instance's memory that stay mapped for the next one. Small guests start in half
/// the time; more than this costs large ones more to clear than to map anew.
const KEEP_RESIDENT_BYTES: usize = 512 * 1024;

/// Opens the engine that runs components: the first [`INSTANCES_AT_START`] of them.
///
/// # Errors
/// Where this machine cannot run compiled code, or has too little address space.
pub fn open() -> wasmtime::Result<Engine> {
    open_for(INSTANCES_AT_START + SPARE)
}

/// Opens the engine that runs all further instances. What one engine compiled fits the other.
///
/// # Errors
/// As those of [`open`].
pub fn open_second() -> wasmtime::Result<Engine> {
    open_for(INSTANCES_MAX - INSTANCES_AT_START)
}

fn open_for(instances: u32) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances);
    pool.total_core_instances(instances.saturating_mul(8));
    pool.total_memories(instances);
    pool.total_tables(instances.saturating_mul(4));
    pool.total_stacks(instances);
    pool.max_core_instances_per_component(200);
    pool.max_memories_per_component(20);
    pool.max_tables_per_component(200);
    pool.table_elements(100_000);
    pool.max_memory_size(usize::try_from(MEMORY_RESERVATION)?);
    pool.linear_memory_keep_resident(KEEP_RESIDENT_BYTES);
    pool.table_keep_resident(KEEP_RESIDENT_BYTES);
    // Only what a guest wrote is cleared, where the kernel can tell (Linux 6.7).
    pool.pagemap_scan(Enabled::Auto);
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// Opens an engine that only compiles: the same code, without room for instances. What it finds among
/// `functions` it does not compile.
///
/// # Errors
/// Where the compiler does not know this machine.
pub fn open_compiler(functions: Option<Arc<dyn CacheStore>>) -> wasmtime::Result<Engine> {
    let mut config = config();
    if let Some(functions) = functions {
        config.enable_incremental_compilation(functions)?;
    }
    Engine::new(&config)
}

/// Everything that compiled code depends on.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    config.memory_reservation(MEMORY_RESERVATION);
    config.memory_init_cow(true);
    config
}

/// Starts the thread that lets running guests notice that time passes. It ends with the process;
/// it holds the engine weakly, and so ends with that, too.
///
/// # Errors
/// Where no thread can be started.
pub fn start_ticking(engine: &Engine) -> std::io::Result<()> {
    let weak = engine.weak();
    std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(EPOCH_TICK_MS));
            let Some(engine) = weak.upgrade() else { return };
            engine.increment_epoch();
        }
    })?;
    Ok(())
}
