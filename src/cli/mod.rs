//! The command line: one file a command. Arguments come in here, exit codes go out; everything between is elsewhere.

mod backup;
mod check;
mod coupons;
mod demo;
mod detect;
mod explain;
mod export;
mod forget;
mod import;
mod init;
mod output;
mod place;
mod seal;
mod serve;
mod webhook;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Serves each visitor of a web shop as a good clerk would: banners, coupons, popups and chat, put into the shop's own
/// pages as they stream past. No tag, no flicker, no wait.
#[derive(Debug, Parser)]
#[command(name = "noren", version, about, max_term_width = 100, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put Noren in front of shops
    Serve(serve::Arguments),
    /// Start a built-in demo shop with sample scenarios in front of it
    Demo(demo::Arguments),
    /// Check rule files: every problem with its place and a remedy
    Check {
        /// Folder of rules
        #[arg(default_value = "rules")]
        dir: PathBuf,
        /// How problems are printed
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Show which scenarios fire for a request, which do not, and by which part of which condition
    Explain(explain::Arguments),
    /// Erase everything that is kept of a visitor
    Forget(forget::Arguments),
    /// Take in what the shop knows elsewhere: members, their orders and segments
    #[command(subcommand)]
    Import(import::Command),
    /// Print what is kept of a site, as lines of JSON or as CSV
    Export(export::Arguments),
    /// Say which platform a shop is built with, and what Noren finds on a page of it
    Detect(detect::Arguments),
    /// Write a commented starter to build one's own rules on
    Init {
        /// Folder to write to; it must not hold rules yet
        dir: PathBuf,
    },
    /// Coupon codes: add some, or say how pools stand
    #[command(subcommand)]
    Coupons(coupons::Command),
    /// Programs that are told of events: try whether they can be
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Copy the embedded store, keys included, to one file, while Noren runs
    Backup(backup::Backup),
    /// Put a backup in the place of the embedded store, while Noren does not run
    Restore(backup::Restore),
    /// Seal what is in the store already, with the newest encryption key, while Noren runs
    Seal(seal::Arguments),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Runs the program: 0 is success, 1 a failure or problems found, 2 wrong usage.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` arrive here too. A closed pipe is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Check { dir, format } => return check::run(&dir, format),
        Command::Explain(arguments) => return explain::run(&arguments),
        Command::Forget(arguments) => forget::run(&arguments),
        Command::Import(command) => match import::run(&command) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Export(arguments) => export::run(&arguments),
        Command::Detect(arguments) => return detect::run(&arguments),
        Command::Init { dir } => return init::run(&dir),
        Command::Coupons(command) => match coupons::run(&command) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Webhook(command) => match webhook::run(&command) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Seal(arguments) => seal::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "noren", &mut script);
            output::print(&String::from_utf8_lossy(&script))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_every_command_fit_together() {
        Arguments::command().debug_assert();
    }
}
