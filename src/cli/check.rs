//! `noren check`: says everything that is wrong with a rules folder.

use super::Format;
use super::output::{complain, print};
use crate::clock::{Clock, SystemClock};
use crate::config::render::{Record, Style, human, records};
use crate::rules::{LoadOptions, LoadedRules, load_rules};
use serde::Serialize;
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

/// Checks a folder. 0: it can be served, perhaps with warnings; 1: it has errors; 2: it cannot be read.
pub(super) fn run(dir: &Path, format: Format) -> ExitCode {
    if let Err(error) = std::fs::read_dir(dir) {
        complain(&format!("error: the folder {} cannot be read: {error}", dir.display()));
        complain("help: name the folder that holds `gateway.toml` and `sites/`: `noren check DIR`");
        return ExitCode::from(2);
    }
    // The prefix is the installation's, and none is looked at here.
    let options = LoadOptions { prefix: "x".to_owned(), now: SystemClock.now() };
    let loaded = load_rules(dir, &options);
    let text = match format {
        Format::Human => for_people(&loaded, dir, std::io::stdout().is_terminal()),
        Format::Json => for_programs(&loaded, dir),
    };
    match print(&text) {
        Ok(()) if loaded.problems.has_errors() => ExitCode::from(1),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: the result cannot be written: {error}"));
            ExitCode::from(2)
        }
    }
}

fn for_people(loaded: &LoadedRules, dir: &Path, colour: bool) -> String {
    let mut text = human(&loaded.problems, &loaded.sources, Style { root: dir, colour });
    if !text.is_empty() {
        text.push('\n');
    }
    let (errors, warnings) = loaded.problems.counts();
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let sites = counted(loaded.sites.len(), "site");
    let _ = writeln!(text, "{sites}: {}, {}", counted(errors, "error"), counted(warnings, "warning"));
    if loaded.sites.is_empty() {
        let folder = dir.join("sites");
        let _ = writeln!(text, "there is no site in {} yet: `noren init DIR` writes a first one", folder.display());
    }
    text
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    sites: usize,
    errors: usize,
    warnings: usize,
    problems: Vec<Record>,
}

fn for_programs(loaded: &LoadedRules, dir: &Path) -> String {
    let (errors, warnings) = loaded.problems.counts();
    let report = Report {
        ok: errors == 0,
        sites: loaded.sites.len(),
        errors,
        warnings,
        problems: records(&loaded.problems, &loaded.sources, dir),
    };
    serde_json::to_string_pretty(&report).map_or_else(|error| error.to_string(), |text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad-rules").join(name)
    }

    fn code(dir: &Path, format: Format) -> String {
        format!("{:?}", run(dir, format))
    }

    #[test]
    fn exit_codes_tell_errors_from_warnings_and_from_wrong_usage() {
        assert_eq!(code(&fixture("site-unknown-key"), Format::Human), format!("{:?}", ExitCode::from(1)));
        assert_eq!(code(&fixture("site-unknown-key"), Format::Json), format!("{:?}", ExitCode::from(1)));
        assert_eq!(code(&fixture("origin-is-host"), Format::Human), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(&fixture("no-such-folder"), Format::Human), format!("{:?}", ExitCode::from(2)));
    }

    #[test]
    fn programs_get_one_object() {
        let options = LoadOptions { prefix: "x".into(), now: SystemClock.now() };
        let loaded = load_rules(&fixture("site-unknown-key"), &options);
        let report: serde_json::Value = serde_json::from_str(&for_programs(&loaded, Path::new("rules"))).unwrap();
        assert_eq!(report["errors"], 1);
        let problem = &report["problems"][0];
        assert_eq!((&problem["file"], &problem["line"]), (&"rules/sites/shop/site.toml".into(), &2.into()));
        assert_eq!(problem["code"], "unknown-key");
    }

    #[test]
    fn people_get_a_sum_at_the_end() {
        let options = LoadOptions { prefix: "x".into(), now: SystemClock.now() };
        let loaded = load_rules(&fixture("site-unknown-key"), &options);
        let text = for_people(&loaded, Path::new("rules"), false);
        assert!(
            text.starts_with("rules/sites/shop/site.toml:2:1: error[")
                && text.ends_with("1 site: 1 error, 0 warnings\n")
        );
        assert!(!text.contains('\u{1b}') && for_people(&loaded, Path::new("rules"), true).contains('\u{1b}'));
    }
}
