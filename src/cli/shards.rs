//! `heaplint facts` and `heaplint link`: one program over several runs or machines.

use std::path::PathBuf;
use std::process::ExitCode;

use super::args::{CheckArgs, FactsArgs};
use super::check;
use crate::pipeline::{self, CacheChoice, Request};
use crate::source::Overlay;

/// Facts of a part of a program to one file.
pub(super) fn facts(args: &FactsArgs) -> anyhow::Result<ExitCode> {
    let roots = check::roots(&args.paths);
    let request = Request {
        config: check::config(&args.analysis(), &roots)?,
        roots,
        overlay: Overlay::default(),
        cache: CacheChoice::Off,
    };
    let files = pipeline::map(&request, &args.output)?;
    if !args.quiet {
        anstream::eprintln!("facts of {files} files written");
    }
    Ok(ExitCode::SUCCESS)
}

/// Files of facts to findings.
pub(super) fn link(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    if args.paths.is_empty() {
        anyhow::bail!("link: name the files that `heaplint facts` wrote");
    }
    for (is_given, flag) in [(args.diff.is_some(), "--diff"), (args.watch, "--watch")] {
        if is_given {
            anyhow::bail!("link: {flag}: only `heaplint check` can tell what changed");
        }
    }
    let here = [PathBuf::from(".")];
    let request = Request {
        config: check::check_config(args, &here)?,
        roots: args.paths.clone(),
        overlay: Overlay::default(),
        cache: CacheChoice::Off,
    };
    let outputs = super::output::Output::parse_all(&args.output)?;
    let analysis = pipeline::reduce(&request, check::want(&outputs))?;
    check::print(args, &here, &outputs, &analysis)?;
    let fail_level = pipeline::severity_of(request.config.fail_level.value);
    Ok(check::code(args, fail_level, &analysis))
}
