//! The program `opsknight`.

use std::process::ExitCode;

/// Less fragmentation than the system's allocator in a server that runs for months.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    opsknight_server::cli::run()
}
