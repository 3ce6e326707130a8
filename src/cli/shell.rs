//! `heaplint completions` and `heaplint man`: what a shell and `man` want to know, made from the declared command line.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

use super::args::{Args, CompletionsArgs};

/// Prints the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "heaplint", &mut text);
    print(&text)
}

/// Prints the manual page.
pub(super) fn man() -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    let command = Args::command();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    // The page of `check` stands behind: it is the command that people mean.
    if let Some(check) = command.find_subcommand("check") {
        let check = check.clone().name("heaplint-check");
        let man = clap_mangen::Man::new(check);
        man.render_options_section(&mut text)?;
    }
    print(&text)
}

fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
