//! The stages in order: discover, read, collect, link, rules, findings. In parallel where files are independent.
//!
//! Stages are functions of their own names, so that a profile reads as the pipeline. A panic in one file is caught and
//! becomes a notice; the rest of the run goes on, and the exit code says so.

mod comments;
mod reading;
mod selection;
mod workers;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::base::{FileId, Idx, SourceMap};
use crate::baseline::{Baseline, BaselineError, Entry};
use crate::cache::{Cache, Key};
use crate::config::{Config, Level, Program as ProgramSetting};
use crate::discover::{
    self, DiscoverError, DiscoverOptions, Discovered, Exclude, ProgramKind, SourcePath,
};
use crate::finding::remedy::{Edit, Fix, Safety};
use crate::finding::{Finding, Severity, Stored, finish};
use crate::fix;
use crate::heap::Census;
use crate::heap::view::HeapView;
use crate::link::{self, FileInput};
use crate::models::{Lesson, Models};
use crate::report::{Notice, NoticeKind, Stats};
use crate::rules;
use crate::shard;
use crate::source::{self, Overlay, Source};
use comments::CommentSet;
use reading::{Kept, Reading, inputs};
use selection::Selection;
use workers::Workers;

/// What is to be analysed, and how.
#[derive(Debug)]
pub struct Request {
    /// Files and folders.
    pub roots: Vec<PathBuf>,
    /// Settings, flags included.
    pub config: Config,
    /// Files to be read from here and not from the disk.
    pub overlay: Overlay,
    /// Where to keep what is found out for later runs.
    pub cache: CacheChoice,
}

/// Whether a run keeps what it finds out, and where.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum CacheChoice {
    /// Nothing is read or kept.
    #[default]
    Off,
    /// In `.heaplint_cache` of the project's root.
    Project,
    /// In this folder.
    At(PathBuf),
}

impl CacheChoice {
    /// The folder, of a project with this root.
    #[must_use]
    pub fn folder(&self, root: &Path) -> Option<PathBuf> {
        match self {
            Self::Off => None,
            Self::Project => Some(root.join(".heaplint_cache")),
            Self::At(folder) => Some(folder.clone()),
        }
    }
}

/// What a run gives.
#[derive(Debug)]
pub struct Analysis {
    /// Findings to show, in their order.
    pub findings: Vec<Finding>,
    /// Texts of the files that findings point into.
    pub sources: SourceMap,
    /// Where the files are, by number.
    pub paths: Vec<PathBuf>,
    /// What the files' names are relative to.
    pub root: PathBuf,
    /// Entries of the baseline that nothing answers to any more.
    pub stale: Vec<Entry>,
    /// What went wrong, file by file.
    pub notices: Vec<Notice>,
    /// Counts.
    pub stats: Stats,
    /// Whether something inside us failed, so that findings may be missing.
    pub has_internal_error: bool,
    /// The heap, when it was asked for; the texts of all its files are loaded.
    pub heap: HeapView,
}

impl Analysis {
    /// Takes findings out, of the heap too: `kept` says of each whether it stays.
    pub fn keep(&mut self, kept: &[bool]) {
        let mut at = kept.iter();
        self.findings.retain(|_| at.next() == Some(&true));
        self.heap.keep_findings(kept);
    }
}

/// Why a run cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path or pattern is no good.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// A selector names no rule; where it was written, and the nearest name.
    #[error("{at}unknown rule `{selector}` ({hint}`heaplint rule` lists them)")]
    UnknownRule {
        /// The selector.
        selector: String,
        /// Where it was written, and what divides that from the rest; empty for a flag.
        at: String,
        /// The nearest name, as a question.
        hint: String,
    },
    /// The baseline cannot be used.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// A pattern of the settings is no good.
    #[error("bad pattern `{glob}`: {message}")]
    Pattern {
        /// The pattern.
        glob: String,
        /// What is wrong.
        message: String,
    },
    /// The shipped tables are damaged.
    #[error(transparent)]
    Models(#[from] crate::models::ModelError),
    /// A file of facts is no good.
    #[error(transparent)]
    Shard(#[from] shard::ShardError),
    /// Threads cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(String),
}

/// Tells how far the run is: files done, files in all.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Runs all stages.
///
/// # Errors
/// When paths, patterns or selectors are no good. What goes wrong in single files is a notice.
pub fn analyze(request: &Request, progress: Progress<'_>) -> Result<Analysis, Error> {
    analyze_for(request, Want::Findings, progress)
}

/// What a run is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// Findings.
    Findings,
    /// Findings, and the heap that they stand in.
    Heap,
}

/// As [`analyze`], also for the heap.
///
/// # Errors
/// As [`analyze`].
pub fn analyze_for(
    request: &Request,
    want: Want,
    progress: Progress<'_>,
) -> Result<Analysis, Error> {
    let started = std::time::Instant::now();
    let config = &request.config;
    let selection = Selection::new(config)?;
    let mut discovered = step_discover(request)?;
    let models = models(config)?;
    let mut workers = Workers::new(config.threads.value)?;
    let baseline = read_baseline(config)?;
    let cache = request
        .cache
        .folder(&discovered.project_root)
        .map(|it| Arc::new(Cache::open(&it)));
    let reading = Reading::of(config, &models, &request.overlay);
    let keys = cache
        .as_ref()
        .and_then(|_| workers.install(|| step_keys(request, &discovered, &reading)));
    let kept = match (&cache, &keys) {
        // The heap is not kept.
        (Some(cache), Some(keys)) if want == Want::Findings => {
            workers.install(|| step_kept(cache, keys.whole, request, &discovered))
        }
        _ => None,
    };
    let kind = match config.program.value {
        ProgramSetting::Application => ProgramKind::Application,
        ProgramSetting::Library => ProgramKind::Library,
        ProgramSetting::Auto => step_kind(request, &discovered),
    };
    let mut run = |discovered: &mut Discovered, kept: Option<Kept>| {
        let files = &mut discovered.files;
        let collected = reading::collect(files, &reading, kept, &mut workers, progress);
        let (inputs, notices) = inputs(files, collected);
        workers.install(|| {
            run(Collected {
                want,
                config,
                selection: &selection,
                discovered,
                models: &models,
                kind,
                inputs,
                notices,
                is_whole: request.roots.iter().any(|it| it.is_dir()),
                text: &|at: usize| source::read(&discovered.files[at], &request.overlay).ok(),
            })
        })
    };
    let mut analysis = match (kept, &cache, &keys) {
        (Some(kept), ..) => kept,
        (None, Some(cache), Some(keys)) => {
            let of_files = Kept {
                cache: cache.clone(),
                keys: keys.files.clone(),
            };
            let analysis = run(&mut discovered, Some(of_files));
            if analysis.has_internal_error {
                // What was kept may be damaged in a way that no check sees.
                run(&mut discovered, None)
            } else {
                keep(cache, keys.whole, &analysis);
                analysis
            }
        }
        _ => run(&mut discovered, None),
    };
    if let Some(cache) = cache {
        cache.close();
    }
    if let Some(baseline) = baseline {
        let is_whole = request.roots.iter().any(|it| is_whole(it, &discovered));
        step_baseline(
            &baseline,
            &mut analysis,
            config,
            &selection,
            &discovered,
            is_whole,
        );
    }
    add_notices(&discovered, &mut analysis);
    analysis.stats.seconds = started.elapsed().as_secs_f64();
    Ok(analysis)
}

/// What the walk has to tell.
fn add_notices(discovered: &Discovered, analysis: &mut Analysis) {
    for name in &discovered.excluded_named {
        analysis.notices.push(Notice {
            kind: NoticeKind::Info,
            path: Some(name.clone()),
            line_col: None,
            cell: None,
            message: "named, but excluded by the settings".to_owned(),
        });
    }
    for name in &discovered.not_python {
        analysis.notices.push(Notice {
            kind: NoticeKind::Info,
            path: Some(name.clone()),
            line_col: None,
            cell: None,
            message: "named, but not a Python file".to_owned(),
        });
    }
    for it in &discovered.notices {
        analysis.notices.push(Notice {
            kind: NoticeKind::Unreadable,
            path: Some(it.path.clone()),
            line_col: None,
            cell: None,
            message: it.message.clone(),
        });
    }
    analysis
        .notices
        .sort_by(|a, b| (&a.path, a.line_col, &a.message).cmp(&(&b.path, b.line_col, &b.message)));
}

/// Collects the facts of a part of a program into a file, for [`reduce`]. The number of files.
///
/// # Errors
/// When paths or patterns are no good, or the file cannot be written.
pub fn map(request: &Request, to: &Path) -> Result<usize, Error> {
    let discovered = step_discover(request)?;
    let kind = match request.config.program.value {
        ProgramSetting::Application => ProgramKind::Application,
        ProgramSetting::Library => ProgramKind::Library,
        // Of the whole project, whatever part of it this is.
        ProgramSetting::Auto => discover::program_kind(&discovered.project_root),
    };
    let models = models(&request.config)?;
    let reading = Reading::of(&request.config, &models, &request.overlay);
    let mut workers = Workers::new(request.config.threads.value)?;
    let mut writer = shard::Writer::new(to, &discovered, kind)?;
    // A bounded number of files at a time: what is written need not be kept.
    for some in discovered.files.chunks(1024) {
        let mut some = some.to_vec();
        let collected = reading::collect(&mut some, &reading, None, &mut workers, &|_, _| ());
        let read = |it: &SourcePath| source::bytes(it, &request.overlay).unwrap_or_default();
        let bytes: Vec<_> = workers.install(|| some.par_iter().map(read).collect());
        for ((file, (facts, notices)), bytes) in some.iter().zip(collected).zip(bytes) {
            writer.add(&discovered, file, facts, notices, &bytes)?;
        }
    }
    writer.finish()?;
    Ok(discovered.files.len())
}

/// Links files that [`map`] wrote, the request's roots, and analyses the program.
///
/// # Errors
/// When files or selectors are no good.
pub fn reduce(request: &Request, want: Want) -> Result<Analysis, Error> {
    let started = std::time::Instant::now();
    let config = &request.config;
    let selection = Selection::new(config)?;
    let models = models(config)?;
    let baseline = read_baseline(config)?;
    let merged = shard::read(&request.roots)?;
    let discovered = merged.discovered;
    let kind = match config.program.value {
        ProgramSetting::Application => ProgramKind::Application,
        ProgramSetting::Library => ProgramKind::Library,
        ProgramSetting::Auto => merged.kind,
    };
    let mut collected = Vec::with_capacity(merged.files.len());
    let mut bytes = Vec::with_capacity(merged.files.len());
    for it in merged.files {
        collected.push((it.facts, it.notices));
        bytes.push(it.bytes);
    }
    let text = |at: usize| source::code(bytes[at].bytes()?, discovered.files[at].kind).ok();
    let (inputs, notices) = inputs(&discovered.files, collected);
    let mut analysis = Workers::new(config.threads.value)?.install(|| {
        run(Collected {
            want,
            config,
            selection: &selection,
            discovered: &discovered,
            models: &models,
            kind,
            inputs,
            notices,
            is_whole: true,
            text: &text,
        })
    });
    if let Some(baseline) = baseline {
        step_baseline(
            &baseline,
            &mut analysis,
            config,
            &selection,
            &discovered,
            true,
        );
    }
    add_notices(&discovered, &mut analysis);
    analysis.stats.seconds = started.elapsed().as_secs_f64();
    Ok(analysis)
}

/// What stands when all files were read down to their facts.
struct Collected<'a> {
    want: Want,
    config: &'a Config,
    selection: &'a Selection,
    discovered: &'a Discovered,
    models: &'a Models,
    kind: ProgramKind,
    inputs: Vec<FileInput>,
    notices: Vec<Notice>,
    /// Whether all of a folder was read, so that what is not found is not there.
    is_whole: bool,
    /// The text of a file that a finding points into.
    text: &'a (dyn Fn(usize) -> Option<Source> + Sync),
}

fn run(collected: Collected<'_>) -> Analysis {
    let Collected {
        want,
        config,
        selection,
        discovered,
        models,
        kind,
        mut inputs,
        mut notices,
        is_whole,
        text,
    } = collected;
    if config.report_generated.value {
        // Then it is judged as what people write.
        for it in &mut inputs {
            it.facts.is_generated = false;
        }
    }
    if config.target_version.value.defers_annotations() {
        for it in &mut inputs {
            it.facts.defer_annotations();
        }
    }
    let facts = || inputs.iter().map(|it| &it.facts);
    let mut comments = CommentSet::new(
        facts().map(|it| it.pragmas.clone()).collect(),
        facts().map(|it| !it.errors.is_empty()).collect(),
    );
    let is_generated: Vec<bool> = facts().map(|it| it.is_generated).collect();
    let mut sources = source_map(discovered);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let program = link::link(inputs, models);
        let cx = rules::Context::new(
            &program,
            kind,
            config.target_version.value,
            config.large_object.value,
        );
        let census = Census::of(&cx);
        let too_large: Vec<Notice> = cx
            .too_large
            .iter()
            .map(|&func| Notice {
                kind: NoticeKind::Info,
                path: Some(program.files[func.file as usize].path.clone()),
                line_col: None,
                cell: None,
                message: format!(
                    "`{}` is too large to follow: what it opens is not checked",
                    program.func_name(func)
                ),
            })
            .collect();
        let all = rules::run(&cx, |meta| selection.wants(meta));
        let useless = match is_whole {
            true => selection.useless_ignores(&all, discovered),
            false => Vec::new(),
        };
        let findings: Vec<Finding> = all
            .into_iter()
            .filter(|it| selection.wants_in(it.rule, &discovered.files[it.primary.file.index()]))
            .map(|it| {
                let file = &discovered.files[it.primary.file.index()];
                selection.with_severity(it, file)
            })
            .collect();
        let shows = |it: &Finding| {
            let file = it.primary.file.index();
            selection.shows(it, &discovered.files[file], is_generated[file])
        };
        let (shown, hidden): (Vec<_>, Vec<_>) = findings.into_iter().partition(shows);
        let commented: Vec<FileId> = comments.files(config.forbid_blanket.value).collect();
        step_texts(&shown, &commented, text, &mut sources);
        let mut findings = shown;
        findings.retain(|it| !comments.silences(it, &sources));
        // A comment that silences what would not be shown is no less used.
        for it in &hidden {
            if commented.binary_search(&it.primary.file).is_ok() {
                comments.silences(it, &sources);
            }
        }
        let about_comments = comments.judge(
            &discovered.files,
            &commented,
            &sources,
            selection,
            config,
            is_whole,
        );
        let about_comments = about_comments.into_iter().map(|it| {
            let file = it.primary.file.index();
            selection.with_severity(it, &discovered.files[file])
        });
        findings.extend(about_comments.filter(shows));
        let findings = finish(findings, &sources);
        let heap = match want {
            Want::Findings => HeapView::default(),
            Want::Heap => step_heap(&cx, &findings),
        };
        (findings, census, heap, [too_large, useless].concat())
    }));
    let Ok((mut findings, census, heap, told)) = outcome else {
        notices.push(Notice {
            kind: NoticeKind::Internal,
            path: None,
            line_col: None,
            cell: None,
            message: "the analysis failed; please report this".to_owned(),
        });
        return Analysis {
            findings: Vec::new(),
            sources,
            paths: paths(discovered),
            root: discovered.project_root.clone(),
            stale: Vec::new(),
            notices,
            stats: Stats::default(),
            has_internal_error: true,
            heap: HeapView::default(),
        };
    };
    notices.extend(told);
    notices.extend(step_fix(&mut findings, &sources));
    let of_edges = heap.edges.iter().filter_map(|it| it.site);
    let of_heap = heap.nodes.iter().filter_map(|it| it.site).chain(of_edges);
    load_texts(of_heap.map(|it| it.file.index()), text, &mut sources);
    let has_internal_error = notices.iter().any(|it| it.kind == NoticeKind::Internal);
    let stats = Stats {
        files: discovered.files.len(),
        sites: census.sites,
        roots: census.roots,
        growing: census.growing,
        seconds: 0.0,
    };
    Analysis {
        findings,
        sources,
        paths: paths(discovered),
        root: discovered.project_root.clone(),
        stale: Vec::new(),
        notices,
        stats,
        has_internal_error,
        heap,
    }
}

/// What a run's entries in the cache are kept under.
struct Keys {
    /// The facts of each file.
    files: Arc<Vec<Key>>,
    /// The whole result.
    whole: Key,
}

/// Hashes every file. A result depends on them all, on settings, and on the day (comments may have a last one). `None`
/// when a file cannot be read.
fn step_keys(request: &Request, discovered: &Discovered, reading: &Reading) -> Option<Keys> {
    let config = &request.config;
    let files: Vec<Key> = discovered
        .files
        .par_iter()
        .map(|it| Some(reading.key(&source::bytes(it, &request.overlay).ok()?, it.kind)))
        .collect::<Option<_>>()?;
    let kind = step_kind(request, discovered);
    let day = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |it| it.as_secs() / 86_400);
    let mut text = format!("{config:?} {kind:?} {day}");
    for file in &discovered.files {
        // All but where the project lies.
        let place = SourcePath {
            path: PathBuf::new(),
            ..file.clone()
        };
        text.push_str(&format!("{place:?}"));
    }
    let mut parts: Vec<&[u8]> = vec![b"result", text.as_bytes()];
    parts.extend(files.iter().map(|it| it.bytes().as_slice()));
    let whole = Key::of(&parts);
    let files = Arc::new(files);
    Some(Keys { files, whole })
}

/// The result of an earlier run over the very same.
fn step_kept(
    cache: &Cache,
    key: Key,
    request: &Request,
    discovered: &Discovered,
) -> Option<Analysis> {
    let kept: KeptResult = cache.get(key)?;
    let findings = kept
        .findings
        .into_iter()
        .map(|it| it.finding(rules::metas()))
        .collect::<Option<Vec<Finding>>>()?;
    let mut sources = source_map(discovered);
    let text = |at: usize| source::read(&discovered.files[at], &request.overlay).ok();
    step_texts(&findings, &[], &text, &mut sources);
    Some(Analysis {
        findings,
        sources,
        paths: paths(discovered),
        root: discovered.project_root.clone(),
        stale: Vec::new(),
        notices: kept.notices,
        stats: kept.stats,
        has_internal_error: false,
        heap: HeapView::default(),
    })
}

/// Keeps a whole result, unless something went wrong that may go right the next time.
fn keep(cache: &Cache, key: Key, analysis: &Analysis) {
    let is_sound = analysis
        .notices
        .iter()
        .all(|it| !matches!(it.kind, NoticeKind::Internal | NoticeKind::Unreadable));
    if is_sound {
        let findings = analysis.findings.iter().cloned();
        let kept = KeptResult {
            findings: findings.map(Stored::from).collect(),
            notices: analysis.notices.clone(),
            stats: analysis.stats,
        };
        cache.put(key, &kept);
    }
}

/// A result as the cache keeps it.
#[derive(serde::Serialize, serde::Deserialize)]
struct KeptResult {
    findings: Vec<Stored>,
    notices: Vec<Notice>,
    stats: Stats,
}

fn source_map(discovered: &Discovered) -> SourceMap {
    let files = discovered.files.iter();
    SourceMap::new(files.map(|it| it.display.clone()).collect())
}

fn read_baseline(config: &Config) -> Result<Option<Baseline>, Error> {
    Ok(match &config.baseline.value {
        Some(file) => Some(Baseline::read(file)?),
        None => None,
    })
}

/// Takes out what the baseline knows, and tells what of it is fixed.
fn step_baseline(
    baseline: &Baseline,
    analysis: &mut Analysis,
    config: &Config,
    selection: &Selection,
    discovered: &Discovered,
    is_whole: bool,
) {
    let files: HashSet<&str> = discovered.files.iter().map(|it| &*it.display).collect();
    // What was not looked at is not fixed.
    let is_judged = |entry: &Entry| {
        let rule = rules::metas().iter().find(|it| it.code == entry.code);
        (files.contains(&*entry.path) || is_whole)
            && rule.is_none_or(|it| selection.wants(it))
            && selection.shows_grade(&entry.severity, &entry.confidence)
    };
    analysis.stale = if analysis.has_internal_error {
        Vec::new()
    } else {
        let (are_new, stale) = baseline.apply(&analysis.findings, &analysis.sources, is_judged);
        analysis.keep(&are_new);
        stale
    };
    let (entries, them) = match analysis.stale.len() {
        0 => return,
        1 => ("1 entry is".to_owned(), "it"),
        many => (format!("{many} entries are"), "them"),
    };
    let path = config.baseline.value.as_ref().map(|it| {
        let root = &discovered.project_root;
        let inside = it.strip_prefix(root).unwrap_or(it);
        inside.to_string_lossy().replace('\\', "/")
    });
    analysis.notices.push(Notice {
        kind: NoticeKind::Info,
        path,
        line_col: None,
        cell: None,
        message: format!("{entries} fixed: `heaplint baseline prune` takes {them} out"),
    });
}

/// The shipped tables, and what the settings teach.
fn models(config: &Config) -> Result<Models, Error> {
    let apis = config.api.iter().map(|it| ("api", it));
    let others = config.taught.iter().map(|(form, it)| (*form, it));
    let lessons: Vec<Lesson<'_>> = apis
        .chain(others)
        .map(|(form, row)| Lesson {
            form,
            row: &row.value,
            from: row.from.to_string(),
        })
        .collect();
    Ok(Models::taught(&lessons)?)
}

fn step_discover(request: &Request) -> Result<Discovered, Error> {
    let config = &request.config;
    let options = DiscoverOptions {
        exclude: config
            .excludes()
            .map(|it| Exclude {
                // What one root leaves out, others may have.
                glob: match config.by_root.is_empty() || it.glob.trim_end_matches('/').contains('/')
                {
                    true => it.glob.clone(),
                    false => format!("**/{}", it.glob),
                },
                base: Some(it.base.clone()),
            })
            .collect(),
        respect_gitignore: config.respect_gitignore.value,
        given: request.overlay.keys().cloned().collect(),
        ..DiscoverOptions::default()
    };
    Ok(discover::discover(&request.roots, &options)?)
}

/// A library when any root is one; a single file is an application.
fn step_kind(request: &Request, discovered: &Discovered) -> ProgramKind {
    if request.roots.iter().all(|it| it.is_file()) {
        return ProgramKind::Application;
    }
    let is_library = request
        .roots
        .iter()
        .any(|it| discover::program_kind(it) == ProgramKind::Library);
    if is_library
        || discover::program_kind(&discovered.project_root) == ProgramKind::Library
            && request.roots.len() == 1
            && request.roots[0].is_dir()
            && is_whole(&request.roots[0], discovered)
    {
        ProgramKind::Library
    } else {
        ProgramKind::Application
    }
}

fn is_whole(root: &Path, discovered: &Discovered) -> bool {
    std::fs::canonicalize(root).ok() == std::fs::canonicalize(&discovered.project_root).ok()
}

fn step_heap(cx: &rules::Context<'_>, findings: &[Finding]) -> HeapView {
    HeapView::of(cx, findings)
}

/// Reads again the texts of the files that findings point into, and of some more.
fn step_texts(
    findings: &[Finding],
    more: &[FileId],
    text: &(dyn Fn(usize) -> Option<Source> + Sync),
    sources: &mut SourceMap,
) {
    let of_findings = findings.iter().flat_map(|it| {
        let labels = it.labels.iter().map(|it| it.place.file.index());
        let steps = it
            .path
            .iter()
            .filter_map(|it| it.place.map(|it| it.file.index()));
        std::iter::once(it.primary.file.index())
            .chain(labels)
            .chain(steps)
    });
    let more = more.iter().map(|it| it.index());
    load_texts(of_findings.chain(more), text, sources);
}

fn load_texts(
    files: impl Iterator<Item = usize>,
    text: &(dyn Fn(usize) -> Option<Source> + Sync),
    sources: &mut SourceMap,
) {
    let mut wanted: Vec<usize> = files.collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|&it| sources.file(Idx::new(it as u32)).text.is_empty());
    let texts: Vec<(usize, Source)> = wanted
        .into_par_iter()
        .filter_map(|at| Some((at, text(at)?)))
        .collect();
    for (at, source) in texts {
        let file = Idx::new(at as u32);
        sources.set_text(file, source.text);
        if let Some(cells) = source.cells {
            sources.set_cells(file, cells);
        }
    }
}

fn paths(discovered: &Discovered) -> Vec<PathBuf> {
    discovered.files.iter().map(|it| it.path.clone()).collect()
}

/// Writes the fixes that rules ask for, file by file.
fn step_fix(findings: &mut [Finding], sources: &SourceMap) -> Vec<Notice> {
    let mut wanted: HashMap<FileId, Vec<usize>> = HashMap::new();
    for (at, finding) in findings.iter_mut().enumerate() {
        // A notebook's code is no text of its own on the disk.
        let is_text = sources.file(finding.primary.file).cells.is_none();
        if is_text && !finding.remove.is_empty() {
            let edits = finding.remove.iter();
            let edits = edits.map(|it| Edit::replace(it.start, it.end, ""));
            finding.fix = Some(Fix::new(
                "take the comment out",
                Safety::Safe,
                edits.collect(),
            ));
        } else if is_text && finding.remedy.is_some() {
            wanted.entry(finding.primary.file).or_default().push(at);
        }
    }
    let written: Vec<_> = wanted
        .into_par_iter()
        .map(|(file, at)| {
            let remedies: Vec<_> = at
                .iter()
                .filter_map(|&it| findings[it].remedy.as_ref())
                .collect();
            let text = &sources.file(file).text;
            let fixes = catch_unwind(AssertUnwindSafe(|| fix::write(text, &remedies)));
            (file, at, fixes)
        })
        .collect();
    let mut notices = Vec::new();
    for (file, at, fixes) in written {
        match fixes {
            Ok(fixes) => {
                for (at, fix) in at.into_iter().zip(fixes) {
                    findings[at].fix = fix;
                }
            }
            Err(_) => notices.push(Notice {
                kind: NoticeKind::Internal,
                path: Some(sources.file(file).path.clone()),
                line_col: None,
                cell: None,
                message: "fixes of this file could not be written; please report this".to_owned(),
            }),
        }
    }
    notices
}

/// The severity that a setting names.
#[must_use]
pub fn severity_of(level: Level) -> Severity {
    match level {
        Level::Info => Severity::Info,
        Level::Warning => Severity::Warning,
        Level::Error => Severity::Error,
    }
}

/// Whether settings name rules that exist, and teach what can be understood.
///
/// # Errors
/// The first thing in them that is no good.
pub fn check_settings(config: &Config) -> Result<(), Error> {
    Selection::new(config)?;
    models(config)?;
    Ok(())
}

/// The files that a run would read, as people name them.
///
/// # Errors
/// When a path or pattern is no good.
pub fn files(request: &Request) -> Result<Vec<String>, Error> {
    Ok(step_discover(request)?
        .files
        .into_iter()
        .map(|it| it.display)
        .collect())
}
