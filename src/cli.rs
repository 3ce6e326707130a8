//! Words to requests, results to exit codes: 0 nothing to report, 1 findings, 2 wrong use or an internal error.

mod args;
mod cache;
mod check;
mod fix;
mod output;
mod rule;
mod shards;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::report::escape;
use args::{Args, Command};

/// Runs heaplint with these arguments, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(with_default_command(args.into_iter().collect())) {
        Ok(args) => args,
        Err(error) => {
            let is_help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            if is_help {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            let text = error.render().to_string();
            anstream::eprint!("{}", escape::log(&escape::terminal(&text)));
            return ExitCode::from(2);
        }
    };
    let outcome = match args.command {
        Command::Check(check) => check::run(&check),
        Command::Rule(rule) => rule::run(&rule),
        Command::Facts(it) => shards::facts(&it),
        Command::Link(it) => shards::link(&it),
        Command::Cache(args::CacheCommand::Clean { cache_dir }) => cache::clean(cache_dir),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            if error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|it| it.kind() == std::io::ErrorKind::BrokenPipe)
            {
                return ExitCode::SUCCESS;
            }
            let text = format!("error: {error:#}");
            anstream::eprintln!("{}", escape::log(&escape::terminal(&text)));
            ExitCode::from(2)
        }
    }
}

/// `heaplint src/` is `heaplint check src/`.
fn with_default_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_command = |it: &OsString| {
        matches!(
            it.to_str(),
            Some(
                "check"
                    | "rule"
                    | "facts"
                    | "link"
                    | "cache"
                    | "help"
                    | "--help"
                    | "-h"
                    | "--version"
                    | "-V"
            )
        )
    };
    if !args.get(1).is_some_and(is_command) {
        args.insert(1.min(args.len()), "check".into());
    }
    args
}
