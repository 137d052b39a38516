//! Makes the types and the service of the Durable Task protocol from their definition, without a compiler of the machine's.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let definition = protox::compile(["durable_task.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .compile_fds(definition)?;
    Ok(())
}
