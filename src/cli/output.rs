//! Writes to the terminal. A reader that closes its pipe early (`noren check | head`) is no error.

use std::io::{ErrorKind, Write};

/// Prints to standard output.
///
/// # Errors
/// When it cannot be written to, except that a closed pipe counts as written.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a line to standard error, as well as that goes.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
