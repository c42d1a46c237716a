//! `noren init`: writes a commented starter.

use super::output::{complain, print};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// The files of the starter.
const FILES: [(&str, &str); 5] = [
    ("gateway.toml", include_str!("init/gateway.toml")),
    ("sites/example/site.toml", include_str!("init/sites/example/site.toml")),
    ("sites/example/segments.toml", include_str!("init/sites/example/segments.toml")),
    ("sites/example/scenarios/welcome.toml", include_str!("init/sites/example/scenarios/welcome.toml")),
    ("sites/example/scenarios/welcome-back.toml", include_str!("init/sites/example/scenarios/welcome-back.toml")),
];

/// Writes the starter. 0: done; 1: it could not be written; 2: there are rules already.
pub(super) fn run(dir: &Path) -> ExitCode {
    match write(dir) {
        Ok(()) => {
            let shown = dir.display();
            let next = format!(
                "Wrote a starter to {shown}. Next:\n\
                 \x20 1. Say where your shop is: {shown}/sites/example/site.toml\n\
                 \x20 2. noren check {shown}\n\
                 \x20 3. noren serve --rules {shown}\n"
            );
            if print(&next).is_err() {
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(Failure::Occupied(path)) => {
            complain(&format!("error: {path} is there already; nothing was written"));
            complain("help: name a folder that holds no rules yet");
            ExitCode::from(2)
        }
        Err(Failure::Io(path, error)) => {
            complain(&format!("error: {path} cannot be written: {error}"));
            complain("help: name a folder that you may write to");
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    Occupied(String),
    Io(String, io::Error),
}

fn write(dir: &Path) -> Result<(), Failure> {
    // Looked at before anything is written: a starter among somebody's rules would be served.
    for name in ["gateway.toml", "sites"] {
        let path = dir.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(Failure::Occupied(path.display().to_string()));
        }
    }
    for (name, text) in FILES {
        let path = dir.join(name);
        let failure = |error| Failure::Io(path.display().to_string(), error);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failure)?;
        let mut file = fs::File::create_new(&path).map_err(failure)?;
        file.write_all(text.as_bytes()).map_err(failure)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{LoadOptions, load_rules};

    fn done(code: ExitCode) -> bool {
        format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
    }

    #[test]
    fn the_starter_passes_the_check_without_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new/rules");
        assert!(done(run(&dir)));
        let options = LoadOptions { prefix: "x".into(), now: "2026-11-22T12:00:00Z".parse().unwrap() };
        let loaded = load_rules(&dir, &options);
        assert_eq!(loaded.problems.0, []);
        assert_eq!(loaded.good_sites().map(|site| site.rules.scenarios.len()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("gateway.toml"), "# mine").unwrap();
        assert!(!done(run(dir.path())));
        assert_eq!(fs::read_to_string(dir.path().join("gateway.toml")).unwrap(), "# mine");
        assert!(!dir.path().join("sites").exists());
    }
}
