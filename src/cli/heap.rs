//! `heaplint heap`: draw it, or tell what a change adds to it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use globset::GlobBuilder;

use super::args::HeapArgs;
use super::output::{deliver, split};
use super::past::Past;
use super::{check, git};
use crate::base::SourceMap;
use crate::draw::{self, Picture, compare};
use crate::heap::view::HeapView;
use crate::heap::view::changes::{Changes, FORM, Outline};
use crate::heap::view::select::{Cut, DEPTH, MAX_NODES};
use crate::pipeline::{self, Analysis, CacheChoice, Request, Want};
use crate::report;
use crate::source::Overlay;

/// Where the default drawing goes.
const PAGE: &str = "heaplint.html";

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Changes, for people.
    Text,
    /// Changes, or the heap to compare with later.
    Json,
    Drawing(draw::Format),
}

pub(super) fn run(args: &HeapArgs) -> anyhow::Result<ExitCode> {
    let outputs = outputs(args)?;
    let cut = Cut {
        focus: None,
        depth: args.depth.unwrap_or(DEPTH),
        max_nodes: args.max_nodes.unwrap_or(MAX_NODES),
        fill: false,
    };
    if let (Some(old), [new]) = (&args.compare, args.paths.as_slice())
        && new.extension().is_some_and(|it| it == "json")
    {
        let view = HeapView::of_outline(&read(new)?);
        let changes = view.changes_since(&read(Path::new(old))?);
        let sources = SourceMap::default();
        let whole = Picture {
            view: &view,
            findings: &[],
            sources: &sources,
        };
        let drawing = Drawing {
            whole,
            changes: Some(changes),
            cut,
            title: format!("New in {}", new.display()),
            counts: String::new(),
        };
        return drawing.write_all(&outputs, args);
    }
    let roots = check::roots(&args.paths);
    let analysis = analyse(args, roots.clone(), check::cache(&args.analysis))?;
    let changes = match &args.compare {
        None => None,
        Some(old) => Some(analysis.heap.changes_since(&before(args, old, &roots)?)),
    };
    let focus = match &args.focus {
        None => None,
        Some(glob) => Some(focus(glob, &analysis)?),
    };
    let drawing = Drawing {
        whole: picture(&analysis),
        changes,
        cut: Cut { focus, ..cut },
        title: title(&roots, &analysis),
        counts: counts(&analysis),
    };
    drawing.write_all(&outputs, args)
}

fn analyse(args: &HeapArgs, roots: Vec<PathBuf>, cache: CacheChoice) -> anyhow::Result<Analysis> {
    let request = Request {
        config: check::config(&args.analysis, &roots)?,
        roots,
        overlay: Overlay::default(),
        cache,
    };
    let bar = check::Bar::new(args.quiet);
    let analysis = pipeline::analyze_for(&request, Want::Heap, &|done, all| bar.tick(done, all))?;
    bar.finish();
    if analysis.has_internal_error {
        bail!("the analysis failed; please report this");
    }
    Ok(analysis)
}

fn outputs(args: &HeapArgs) -> anyhow::Result<Vec<(Format, Option<PathBuf>)>> {
    if args.output.is_empty() {
        return Ok(vec![match args.compare {
            Some(_) => (Format::Text, None),
            None => (
                Format::Drawing(draw::Format::Html),
                Some(PathBuf::from(PAGE)),
            ),
        }]);
    }
    let mut outputs = Vec::new();
    for word in &args.output {
        let (name, path) = split(word);
        let format = match name {
            "text" if args.compare.is_none() => {
                bail!("--output {word}: text tells changes; give --compare")
            }
            "text" => Format::Text,
            "json" => Format::Json,
            name => Format::Drawing(
                draw::Format::from_str(name).with_context(|| format!("--output {word}"))?,
            ),
        };
        outputs.push((format, path));
    }
    if outputs.iter().filter(|it| it.1.is_none()).count() > 1 {
        bail!("--output: two formats on standard output; give one of them a path (FORMAT:PATH)");
    }
    Ok(outputs)
}

fn focus(glob: &str, analysis: &Analysis) -> anyhow::Result<Vec<u32>> {
    let matcher = GlobBuilder::new(glob)
        .build()
        .map_err(|it| anyhow!("--focus: bad pattern `{glob}`: {}", it.kind()))?
        .compile_matcher();
    let found = analysis.heap.matching(|it| matcher.is_match(it));
    if found.is_empty() {
        bail!("--focus: nothing in the heap is called `{glob}`");
    }
    Ok(found)
}

struct Drawing<'a> {
    whole: Picture<'a>,
    changes: Option<Changes>,
    cut: Cut,
    title: String,
    counts: String,
}

impl Drawing<'_> {
    fn write_all(
        &self,
        outputs: &[(Format, Option<PathBuf>)],
        args: &HeapArgs,
    ) -> anyhow::Result<ExitCode> {
        for (format, path) in outputs {
            deliver(path.as_deref(), self.write(*format).as_bytes())?;
            if let Some(path) = path
                && !args.quiet
            {
                anstream::eprintln!(
                    "wrote {} ({} objects, {} findings)",
                    report::escape::line(&path.display().to_string()),
                    self.whole.view.nodes.len(),
                    self.whole.findings.len()
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn write(&self, format: Format) -> String {
        use draw::Format as To;
        let format = match (format, &self.changes) {
            (Format::Text | Format::Json, None) => {
                let json = serde_json::to_string_pretty(&self.whole.view.outline());
                let json = json.expect("texts serialize") + "\n";
                return report::escape::json(&json).into_owned();
            }
            (Format::Text, Some(changes)) => return compare::text(&self.whole, changes),
            (Format::Json, Some(changes)) => {
                let json = compare::json(&self.whole, changes);
                return report::escape::json(&json).into_owned();
            }
            (Format::Drawing(format), _) => format,
        };
        let focus = match &self.changes {
            Some(changes) => Some(changes.nodes(self.whole.view)),
            None => self.cut.focus.clone(),
        };
        if focus.is_none() && matches!(format, To::Html | To::Heapsnapshot | To::Folded) {
            return draw::write(format, &self.whole, &self.title, &self.counts);
        }
        let max_nodes = match format {
            To::Mermaid => self.cut.max_nodes.min(draw::mermaid::NODES),
            _ => self.cut.max_nodes,
        };
        let view = self.whole.view.cut(&Cut {
            focus,
            max_nodes,
            ..self.cut.clone()
        });
        let part = Picture {
            view: &view,
            ..self.whole
        };
        draw::write(format, &part, &self.title, &self.counts)
    }
}

fn read(path: &Path) -> anyhow::Result<Outline> {
    let shown = path.display();
    let text = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    let outline: Outline = serde_json::from_slice(&text)
        .map_err(|it| anyhow!("{shown} is no heap that `heaplint heap -o json` wrote: {it}"))?;
    if outline.heaplint_heap != FORM {
        bail!("{shown} was written by another version of heaplint; write it anew");
    }
    Ok(outline)
}

/// The older heap: a file, or the program as it was at a revision.
fn before(args: &HeapArgs, old: &str, roots: &[PathBuf]) -> anyhow::Result<Outline> {
    if Path::new(old).is_file() {
        return read(Path::new(old));
    }
    let past =
        Past::of(old, &git::folder_of(roots)?).map_err(|it| anyhow!("--compare {old}: {it}"))?;
    let there = past
        .paths(roots)
        .with_context(|| format!("--compare {old}: all paths must be in one repository"))?;
    if there.is_empty() {
        return Ok(Outline {
            heaplint_heap: FORM,
            ..Outline::default()
        });
    }
    Ok(analyse(args, there, CacheChoice::Off)?.heap.outline())
}

/// What drawings of a whole program are made of.
pub(super) fn picture(analysis: &Analysis) -> Picture<'_> {
    Picture {
        view: &analysis.heap,
        findings: &analysis.findings,
        sources: &analysis.sources,
    }
}

/// The page about a whole program.
pub(super) fn page(roots: &[PathBuf], analysis: &Analysis) -> String {
    draw::html::html(
        &picture(analysis),
        &title(roots, analysis),
        &counts(analysis),
    )
}

/// What a drawing is called: after the folder, without the way to it.
fn title(paths: &[PathBuf], analysis: &Analysis) -> String {
    let name = paths.first().cloned().unwrap_or_else(|| PathBuf::from("."));
    let name = std::fs::canonicalize(&name).unwrap_or(name);
    let name = name
        .file_name()
        .map(|it| it.to_string_lossy().into_owned())
        .unwrap_or_default();
    let count = analysis.findings.len();
    let findings = if count == 1 { "finding" } else { "findings" };
    format!("Heap of {name}: {count} {findings}")
}

/// The numbers of a page's head; no time, so that the same program gives the same page.
fn counts(analysis: &Analysis) -> String {
    let stats = analysis.stats;
    format!(
        "{} files, {} allocation sites, {} roots, {} growing containers; heaplint {}",
        stats.files,
        stats.sites,
        stats.roots,
        stats.growing,
        env!("CARGO_PKG_VERSION")
    )
}
