use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Activations at the same time in one host.
pub const AT_ONCE: u32 = 256;
/// Bytes of stack that a program may use.
const STACK: usize = 1 << 20;
/// Bytes of a used memory, and of a used table, that are cleared by hand and kept, rather than given back to the kernel.
const KEPT: usize = 256 << 10;
/// Elements of a table; a program with a larger one is refused.
const ELEMENTS: usize = 1 << 17;

/// What compiler and host must agree on.
fn common() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.max_wasm_stack(STACK);
    config.async_stack_size(2 * STACK);
    // Traps name functions; where their code lies in the source file is of no use to who has only the log.
    config.generate_address_map(false);
    config
}

/// The engine that compiles.
pub fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&common())
}

/// The engine that runs.
pub fn running() -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(AT_ONCE)
        .total_core_instances(8 * AT_ONCE)
        .total_memories(2 * AT_ONCE)
        .total_tables(4 * AT_ONCE)
        .total_stacks(AT_ONCE)
        .total_gc_heaps(AT_ONCE)
        .table_elements(ELEMENTS)
        .linear_memory_keep_resident(KEPT)
        .table_keep_resident(KEPT / 16)
        .pagemap_scan(Enabled::Auto);
    let mut config = common();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}
