//! The command line.

use std::process::ExitCode;

/// glibc trims its heap at every request, which costs more than the request.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    noren::cli::run()
}
