//! Scripts: what Redis does as one step. A run's keys are in one slot, so that whatever node of a cluster has them can do it.

use redis::{Cmd, cmd};

/// A script, and its name on the servers.
pub(super) struct Script {
    code: &'static str,
    hash: String,
}

/// One run of a script.
#[derive(Clone, Default)]
pub(super) struct Call {
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl Script {
    pub(super) fn new(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }

    /// The usual way; a server that has not seen the script refuses it.
    pub(super) fn by_hash(&self, call: &Call) -> Cmd {
        command("EVALSHA", &self.hash, call)
    }

    /// Tells the server the script.
    pub(super) fn by_text(&self, call: &Call) -> Cmd {
        command("EVAL", self.code, call)
    }
}

fn command(name: &str, script: &str, call: &Call) -> Cmd {
    let mut command = cmd(name);
    command.arg(script).arg(call.keys.len()).arg(&call.keys);
    for arg in &call.args {
        command.arg(arg.as_slice());
    }
    command
}

impl Call {
    pub(super) fn new(key: String) -> Self {
        Self::over([key])
    }

    pub(super) fn over(keys: impl Into<Vec<String>>) -> Self {
        Self { keys: keys.into(), args: Vec::new() }
    }

    pub(super) fn arg(&mut self, arg: impl Into<Vec<u8>>) -> &mut Self {
        self.args.push(arg.into());
        self
    }

    pub(super) fn number(&mut self, number: impl Into<i128>) -> &mut Self {
        self.arg(number.into().to_string())
    }

    /// What is not there is the empty string.
    pub(super) fn optional(&mut self, number: Option<impl Into<i128>>) -> &mut Self {
        self.arg(number.map(|number| number.into().to_string()).unwrap_or_default())
    }
}
