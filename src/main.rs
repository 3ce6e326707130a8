//! The binary: hands its arguments to the library.

use std::process::ExitCode;

// Facts are many small vectors made on many threads; the system allocator spends a quarter of the run on their locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    heaplint::cli::run(std::env::args_os())
}
