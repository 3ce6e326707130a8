//! `heaplint baseline`: write what is found today as known, or take out of the file what is fixed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::args::{BaselineAction, BaselineArgs, BaselineCommand};
use super::check::{self, Bar};
use super::output::replace;
use super::settings::name;
use crate::baseline::Baseline;
use crate::config::Sourced;
use crate::pipeline::{self, CacheChoice, Request};
use crate::source::Overlay;

/// The file when nothing says another.
const DEFAULT: &str = "heaplint-baseline.json";

pub(super) fn run(args: &BaselineCommand) -> anyhow::Result<ExitCode> {
    match &args.action {
        BaselineAction::Write(args) => write(args),
        BaselineAction::Prune(args) => prune(args),
    }
}

/// What to analyse, without a baseline, and where the baseline is.
fn request(args: &BaselineArgs) -> anyhow::Result<(Request, PathBuf, bool)> {
    let roots = check::roots(&args.paths);
    let mut config = check::config(&args.analysis, &roots)?;
    let is_set = config.baseline.value.is_some();
    let from_settings = std::mem::replace(&mut config.baseline, Sourced::unset(None));
    let file = from_settings
        .value
        .unwrap_or_else(|| PathBuf::from(DEFAULT));
    Ok((
        Request {
            roots,
            config,
            overlay: Overlay::default(),
            cache: CacheChoice::Off,
        },
        file,
        is_set,
    ))
}

fn write(args: &BaselineArgs) -> anyhow::Result<ExitCode> {
    let (request, file, is_set) = request(args)?;
    let bar = Bar::new(args.quiet);
    let analysis = pipeline::analyze(&request, &|done, all| bar.tick(done, all))?;
    bar.finish();
    if analysis.has_internal_error {
        anyhow::bail!("the analysis failed in part, so no baseline was written");
    }
    let baseline = Baseline::of(&analysis.findings, &analysis.sources);
    save(&file, &baseline)?;
    if !args.quiet {
        let count = baseline.len();
        let them = if count == 1 { "finding" } else { "findings" };
        anstream::eprintln!("{count} {them} in {}", shown(&file));
        if !is_set {
            anstream::eprintln!(
                "write `baseline = \"{}\"` in the settings, or check with `--baseline {0}`",
                shown(&file)
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn prune(args: &BaselineArgs) -> anyhow::Result<ExitCode> {
    let (mut request, file, _) = request(args)?;
    let baseline = Baseline::read(&file)?;
    request.config.baseline.value = Some(file.clone());
    let bar = Bar::new(args.quiet);
    let analysis = pipeline::analyze(&request, &|done, all| bar.tick(done, all))?;
    bar.finish();
    if analysis.has_internal_error {
        anyhow::bail!("the analysis failed in part, so the baseline was left as it is");
    }
    let gone = analysis.stale.len();
    let pruned = baseline.without(&analysis.stale);
    if gone > 0 {
        save(&file, &pruned)?;
    }
    if !args.quiet {
        anstream::eprintln!(
            "{gone} taken out, {} left in {}",
            pruned.len(),
            shown(&file)
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn save(file: &Path, baseline: &Baseline) -> anyhow::Result<()> {
    replace(file, baseline.to_json().as_bytes())
        .with_context(|| format!("{} cannot be written", file.display()))
}

fn shown(file: &Path) -> String {
    crate::report::escape::line(&name(file)).into_owned()
}
