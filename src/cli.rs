//! Words to requests, results to exit codes: 0 nothing to report, 1 findings, 2 wrong use or an internal error.

mod args;
mod baseline;
mod cache;
mod changes;
mod check;
mod fix;
mod git;
mod given;
mod heap;
mod output;
mod past;
mod rule;
mod settings;
mod shards;
mod shell;
mod watch;
mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

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
        Command::Heap(heap) => heap::run(&heap),
        Command::Why(why) => why::run(&why),
        Command::Rule(rule) => rule::run(&rule),
        Command::Facts(it) => shards::facts(&it),
        Command::Link(it) => shards::link(&it),
        Command::Cache(args::CacheCommand::Clean { cache_dir }) => cache::clean(cache_dir),
        Command::Baseline(baseline) => baseline::run(&baseline),
        Command::Settings(settings) => settings::run(&settings),
        Command::Completions(completions) => shell::completions(&completions),
        Command::Man => shell::man(),
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
        it.to_str().is_some_and(|it| {
            matches!(it, "help" | "--help" | "-h" | "--version" | "-V")
                || Args::command().find_subcommand(it).is_some()
        })
    };
    if !args.get(1).is_some_and(is_command) {
        args.insert(1.min(args.len()), "check".into());
    }
    args
}
