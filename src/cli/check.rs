//! `heaplint check`: analyse, report, exit.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{AnalysisArgs, CheckArgs, When};
use super::changes::Changes;
use super::fix;
use super::git;
use super::given::Given;
use super::output::{Drawn, Output};
use super::watch;
use crate::config::{Config, Source, Sourced};
use crate::draw::tree;
use crate::finding::remedy::Safety;
use crate::finding::{Finding, Severity};
use crate::pipeline::{self, Analysis, CacheChoice, Request, Want, severity_of};
use crate::report::{self, Report, Style};
use crate::rules;

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    if args.watch {
        return watch::run(&roots(&args.paths), || once(args));
    }
    once(args)
}

/// The paths that were named; without any, the current folder.
pub(super) fn roots(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() {
        vec![PathBuf::from(".")]
    } else {
        paths.to_vec()
    }
}

/// As [`config`], with what only a check takes.
pub(super) fn check_config(args: &CheckArgs, roots: &[PathBuf]) -> anyhow::Result<Config> {
    let mut config = config(&args.analysis, roots)?;
    set(
        &mut config.fail_level,
        args.fail_level.as_deref(),
        "--fail-level",
        crate::config::Level::WORDS,
    )?;
    Ok(config)
}

fn once(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let given = Given::of(args)?;
    let paths = match &given {
        Some(given) => given.roots(&args.paths),
        None => roots(&args.paths),
    };
    let config = check_config(args, &paths)?;
    let outputs = Output::parse_all(&args.output)?;
    let fail_level = severity_of(config.fail_level.value);
    let changes = match &args.diff {
        Some(revision) => Some(Changes::since(revision, &git::folder_of(&paths)?)?),
        None => None,
    };
    let request = Request {
        roots: paths.clone(),
        config,
        overlay: given.iter().map(Given::overlay).collect(),
        cache: cache(&args.analysis),
    };
    if args.with_unsafe && !args.fix && !args.preview_fix {
        bail!("--unsafe: needs --fix or --preview-fix");
    }
    if args.show_files {
        return show_files(&request);
    }
    let bar = Bar::new(args.quiet);
    let want = want(&outputs);
    let analysis = pipeline::analyze_for(&request, want, &|done, all| bar.tick(done, all))?;
    bar.finish();
    let only = |analysis| match &given {
        Some(given) => given.only(analysis),
        None => only(changes.as_ref(), analysis),
    };
    let mut analysis = only(analysis);
    let mut fixed = None;
    if args.fix || args.preview_fix {
        let most = if args.with_unsafe {
            Safety::Unsafe
        } else {
            Safety::Safe
        };
        let again = |request: &Request| {
            let analysis = pipeline::analyze_for(request, want, &|_, _| ())?;
            Ok(only(analysis))
        };
        let outcome = fix::rounds(request, most, analysis, again)?;
        if args.preview_fix {
            outcome.preview()?;
            return Ok(if outcome.count > 0 && !args.exit_zero {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            });
        }
        match &given {
            Some(given) => given.write(&outcome)?,
            None => outcome.write()?,
        }
        fixed = Some((outcome.count, outcome.files()));
        analysis = outcome.analysis;
    }
    // What is fixed of standard input goes to standard output, alone.
    let outputs = match given.is_some() && args.fix && args.output.is_empty() {
        true => Vec::new(),
        false => outputs,
    };
    print(args, &paths, &outputs, &analysis)?;
    if !args.quiet {
        tell_fixes(&analysis, fixed);
    }
    Ok(code(args, fail_level, &analysis))
}

/// What a run must find out for these outputs.
pub(super) fn want(outputs: &[Output]) -> Want {
    if outputs.iter().any(Output::is_drawn) {
        Want::Heap
    } else {
        Want::Findings
    }
}

/// How a run ends.
pub(super) fn code(args: &CheckArgs, fail_level: Severity, analysis: &Analysis) -> ExitCode {
    let fails = analysis.findings.iter().any(|it| it.severity >= fail_level);
    if analysis.has_internal_error {
        ExitCode::from(2)
    } else if fails && !args.exit_zero {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Where to keep what is found out.
pub(super) fn cache(args: &AnalysisArgs) -> CacheChoice {
    match &args.cache_dir {
        _ if args.no_cache => CacheChoice::Off,
        Some(folder) => CacheChoice::At(folder.clone()),
        None => CacheChoice::Project,
    }
}

/// What has to do with changed lines; all, when nobody asked for them.
fn only(changes: Option<&Changes>, mut analysis: Analysis) -> Analysis {
    if let Some(changes) = changes {
        let Analysis {
            findings,
            sources,
            paths,
            ..
        } = &analysis;
        let kept: Vec<bool> = findings
            .iter()
            .map(|it| changes.touch(it, sources, paths))
            .collect();
        analysis.keep(&kept);
    }
    analysis
}

/// Settings of the nearest file of each root, and flags over them. What is one for the whole run is the first root's.
pub(super) fn config(args: &AnalysisArgs, roots: &[PathBuf]) -> anyhow::Result<Config> {
    let reading = &args.reading;
    let mut config = if reading.isolated {
        Config::from_str("", Path::new("heaplint.toml"))?
    } else if let Some(file) = &reading.settings {
        Config::from_file(file)?
    } else {
        Config::load_all(roots)?
    };
    for (_, its) in &mut config.by_root {
        with_flags(its, args)?;
    }
    with_flags(&mut config, args)?;
    Ok(config)
}

fn with_flags(config: &mut Config, args: &AnalysisArgs) -> anyhow::Result<()> {
    let reading = &args.reading;
    if !args.select.is_empty() {
        config.select = by_flag(Some(args.select.clone()));
    }
    if !args.ignore.is_empty() {
        config.ignore.value.extend(args.ignore.iter().cloned());
    }
    set(
        &mut config.level,
        args.level.as_deref(),
        "--level",
        crate::config::Level::WORDS,
    )?;
    set(
        &mut config.confidence,
        args.confidence.as_deref(),
        "--confidence",
        crate::config::Confidence::WORDS,
    )?;
    set(
        &mut config.program,
        reading.program.as_deref(),
        "--program",
        crate::config::Program::WORDS,
    )?;
    set(
        &mut config.parser,
        reading.parser.as_deref(),
        "--parser",
        crate::config::Parser::WORDS,
    )?;
    if let Some(version) = &args.target_version {
        let parsed = version.parse().map_err(|_| {
            anyhow!("--target-version: `{version}` is not a version such as 3.11 or pypy3.10")
        })?;
        config.target_version = by_flag(parsed);
    }
    let here = std::env::current_dir().context("the current folder cannot be told")?;
    for glob in &reading.exclude {
        config.extend_exclude.push(by_flag(crate::config::Pattern {
            glob: glob.clone(),
            base: here.clone(),
        }));
    }
    if reading.no_respect_gitignore {
        config.respect_gitignore = by_flag(false);
    }
    if let Some(file) = &args.baseline {
        config.baseline = by_flag(Some(file.clone()));
    }
    if let Some(threads) = reading.threads {
        if threads == 0 {
            bail!("--threads: at least 1");
        }
        config.threads = by_flag(threads);
    }
    Ok(())
}

fn by_flag<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        from: Source::CommandLine,
    }
}

fn set<T: FromStr>(
    to: &mut Sourced<T>,
    word: Option<&str>,
    flag: &str,
    words: &[&str],
) -> anyhow::Result<()> {
    if let Some(word) = word {
        let value = T::from_str(word)
            .map_err(|_| anyhow!("{flag}: `{word}` is none of {}", words.join(", ")))?;
        *to = by_flag(value);
    }
    Ok(())
}

fn show_files(request: &Request) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for path in pipeline::files(request)? {
        let path = report::escape::line(&path);
        writeln!(out, "{}", report::escape::log(&path))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn print(
    args: &CheckArgs,
    roots: &[PathBuf],
    outputs: &[Output],
    analysis: &Analysis,
) -> anyhow::Result<()> {
    let prefix = service_prefix(&analysis.root);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        findings: &analysis.findings,
        sources: &analysis.sources,
        notices: &analysis.notices,
        rules: rules::metas(),
        stats: analysis.stats,
        prefix: &prefix,
    };
    let style = Style {
        color: is_coloured(args.color),
        ascii: args.ascii || !is_utf8(),
        compact: args.compact,
        width: terminal_width(),
    };
    // Alone, the numbers are the report.
    let outputs = match args.statistics && args.output.is_empty() {
        true => &[],
        false => outputs,
    };
    for output in outputs {
        output.write(&report, &style, |what, style| match what {
            Drawn::Page => super::heap::page(roots, analysis),
            Drawn::Trees => tree::report(&super::heap::picture(analysis), &report, style),
        })?;
    }
    if args.statistics {
        // A document on standard output stays one.
        if outputs.iter().any(Output::is_document) {
            statistics(&analysis.findings, &mut std::io::stderr().lock())?;
        } else {
            statistics(&analysis.findings, &mut std::io::stdout().lock())?;
        }
    }
    if !args.quiet {
        anstream::eprint!("{}", report::notices(&report));
        let summary = report::summary(&report);
        anstream::eprintln!(
            "{}",
            if style.ascii {
                report::escape::ascii(&summary)
            } else {
                summary
            }
        );
    }
    Ok(())
}

/// From the folder in which a service has the repository to the project: `backend/`, mostly nothing.
fn service_prefix(root: &Path) -> String {
    let variables = [
        "GITHUB_WORKSPACE",
        "CI_PROJECT_DIR",
        "BUILD_SOURCESDIRECTORY",
    ];
    let Some(top) = variables.iter().find_map(std::env::var_os) else {
        return String::new();
    };
    let inside = |top: PathBuf| {
        let root = root.canonicalize().ok()?;
        Some(root.strip_prefix(top.canonicalize().ok()?).ok()?.to_owned())
    };
    let mut prefix = String::new();
    for part in inside(PathBuf::from(top)).unwrap_or_default().components() {
        prefix.push_str(&part.as_os_str().to_string_lossy());
        prefix.push('/');
    }
    prefix
}

/// Says what was fixed, and what can be.
fn tell_fixes(analysis: &Analysis, fixed: Option<(usize, usize)>) {
    let (safe, others) = fix::fixable(analysis);
    if let Some((count, files)) = fixed {
        let findings = report::counted(count, "finding", "findings");
        let files = report::counted(files, "file", "files");
        anstream::eprintln!("fixed {findings} in {files}");
    } else if safe > 0 {
        anstream::eprintln!("{safe} fixable with `--fix`");
    }
    if others > 0 {
        anstream::eprintln!(
            "{others} more with `--fix --unsafe`, after which somebody should look"
        );
    }
}

/// The number of findings of each rule, the most first.
fn statistics(findings: &[Finding], out: &mut dyn Write) -> std::io::Result<()> {
    let mut counts: Vec<_> = rules::metas()
        .iter()
        .map(|meta| {
            let its = findings.iter().filter(|it| it.rule.code == meta.code);
            (its.count(), meta)
        })
        .filter(|it| it.0 > 0)
        .collect();
    counts.sort_by_key(|it| std::cmp::Reverse(it.0));
    for (count, meta) in counts {
        writeln!(out, "{count:>6}  {}  {}", meta.code, meta.name)?;
    }
    Ok(())
}

pub(super) fn is_coloured(when: When) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty() && it != "0");
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if is_set("NO_COLOR") => false,
        When::Auto if is_set("FORCE_COLOR") || is_set("CLICOLOR_FORCE") => true,
        When::Auto => {
            std::io::stdout().is_terminal()
                && std::env::var_os("TERM").is_none_or(|it| it != "dumb")
        }
    }
}

/// Whether the locale's characters are Unicode.
pub(super) fn is_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|it| std::env::var(it).ok().filter(|it| !it.is_empty()));
    locale.is_none_or(|it| it.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

pub(super) fn terminal_width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(100)
}

/// A progress bar on standard error, for long runs on a terminal.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    started: Instant,
    last: Mutex<Instant>,
}

impl Bar {
    pub(super) fn new(quiet: bool) -> Self {
        let hidden = quiet || std::env::var_os("CI").is_some() || !std::io::stderr().is_terminal();
        let bar = (!hidden).then(|| {
            let style =
                ProgressStyle::with_template("{spinner} {prefix:>8} [{bar:24}] {pos}/{len} files")
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::hidden()
                .with_style(style)
                .with_prefix("reading")
        });
        let now = Instant::now();
        Self {
            bar,
            started: now,
            last: Mutex::new(now),
        }
    }

    pub(super) fn tick(&self, done: usize, all: usize) {
        let Some(bar) = &self.bar else { return };
        let Ok(mut last) = self.last.try_lock() else {
            return;
        };
        if self.started.elapsed() < Duration::from_millis(300)
            || last.elapsed() < Duration::from_millis(50)
        {
            return;
        }
        *last = Instant::now();
        if bar.is_hidden() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
