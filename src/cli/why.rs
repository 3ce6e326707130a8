//! `heaplint why`: who holds an object, and what it holds.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;

use super::args::{RuleFormat, WhyArgs};
use super::check;
use crate::base::{FileId, Idx, SourceFile, Span};
use crate::draw::tree;
use crate::heap::view::NodeId;
use crate::pipeline::{self, Analysis, Request, Want};
use crate::report::{self, Style};
use crate::source::Overlay;

/// Objects that are explained when a name means several.
const SHOWN: usize = 5;

pub(super) fn run(args: &WhyArgs) -> anyhow::Result<ExitCode> {
    let roots = check::roots(&args.paths);
    let request = Request {
        config: check::config(&args.analysis, &roots)?,
        roots,
        overlay: Overlay::default(),
        cache: check::cache(&args.analysis),
    };
    let bar = check::Bar::new(false);
    let analysis = pipeline::analyze_for(&request, Want::Heap, &|done, all| bar.tick(done, all))?;
    bar.finish();
    if analysis.has_internal_error {
        bail!("the analysis failed; please report this");
    }
    let found = find(&analysis, &args.what)?;
    let view = &analysis.heap;
    let picture = super::heap::picture(&analysis);
    let holders = view.holders();
    let mut out = std::io::stdout().lock();
    match args.output {
        RuleFormat::Json => {
            let all: Vec<_> = found
                .iter()
                .map(|&it| tree::json(&picture, &view.why(it, &holders)))
                .collect();
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        }
        RuleFormat::Text => {
            let style = Style {
                color: check::is_coloured(args.color),
                ascii: args.ascii || !check::is_utf8(),
                compact: false,
                width: check::terminal_width(),
            };
            for (at, &it) in found.iter().take(SHOWN).enumerate() {
                if at > 0 {
                    writeln!(out)?;
                }
                let text = tree::text(&picture, &view.why(it, &holders), &style);
                out.write_all(text.as_bytes())?;
            }
            if found.len() > SHOWN {
                anstream::eprintln!(
                    "{} more are called so; give the whole name, as the first line of each says it",
                    found.len() - SHOWN
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn find(analysis: &Analysis, what: &str) -> anyhow::Result<Vec<NodeId>> {
    let view = &analysis.heap;
    if let Some((path, spot)) = Spot::read(what) {
        return at_line(analysis, path, spot);
    }
    let found = view.named(what);
    if found.is_empty() {
        let alike = view.alike(what);
        let shown = report::escape::line(what);
        if alike.is_empty() {
            bail!("nothing in the heap is called `{shown}`");
        }
        bail!(
            "nothing in the heap is called `{shown}`; there are {}",
            alike.join(", ")
        );
    }
    Ok(found)
}

/// A line of a file; in a notebook, of a cell.
#[derive(Clone, Copy)]
struct Spot {
    cell: Option<u32>,
    line: u32,
}

impl Spot {
    /// `FILE:LINE`, or `NOTEBOOK:cell N:LINE` as messages write it.
    fn read(what: &str) -> Option<(&str, Self)> {
        let (path, line) = what.rsplit_once(':')?;
        let line = line.parse().ok()?;
        if let Some((path, cell)) = path.rsplit_once(":cell ") {
            let cell = Some(cell.parse().ok()?);
            return Some((path, Self { cell, line }));
        }
        Some((path, Self { cell: None, line }))
    }

    /// Whether a range of a file goes over it. Without a cell, a line of a notebook is one of the file on disk.
    fn is_in(self, file: &SourceFile, span: Span) -> bool {
        let Some(cell) = self.cell else {
            let (lines, span) = (file.disk().1, file.on_disk(span));
            return (lines.line(span.start)..=lines.line(span.end)).contains(&self.line);
        };
        let ends = file.cell_spot(span.start).zip(file.cell_spot(span.end));
        ends.is_some_and(|(first, last)| {
            first.cell == cell && (first.at.line..=last.at.line).contains(&self.line)
        })
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.cell {
            Some(cell) => write!(f, "line {} of cell {cell}", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

/// Objects that are made, bound or put somewhere on a line.
fn at_line(analysis: &Analysis, path: &str, spot: Spot) -> anyhow::Result<Vec<NodeId>> {
    let wanted = path.replace('\\', "/");
    let wanted = wanted.trim_start_matches("./");
    let sources = &analysis.sources;
    let mut files: Vec<FileId> = (0..sources.len())
        .map(|it| Idx::new(it as u32))
        .filter(|&it| {
            let path = &sources.file(it).path;
            path == wanted
                || path.ends_with(&format!("/{wanted}"))
                || wanted.ends_with(&format!("/{path}"))
        })
        .collect();
    if let Some(&exact) = files.iter().find(|&&it| sources.file(it).path == wanted) {
        files = vec![exact];
    }
    let shown = report::escape::line(path).into_owned();
    if files.is_empty() {
        bail!("`{shown}` is no file of the program");
    }
    let is_there = |site: Option<crate::finding::Place>| {
        site.is_some_and(|it| {
            files.contains(&it.file) && spot.is_in(sources.file(it.file), it.span)
        })
    };
    let view = &analysis.heap;
    let mut found: Vec<NodeId> = (0..view.nodes.len() as NodeId)
        .filter(|&it| is_there(view.nodes[it as usize].site))
        .filter(|&it| view.nodes[it as usize].kind != crate::heap::view::NodeKind::Root)
        .collect();
    if found.is_empty() {
        let edges = view.edges.iter().filter(|it| is_there(it.site));
        found.extend(edges.map(|it| it.to));
        found.sort_unstable();
        found.dedup();
    }
    if found.is_empty() {
        found.extend(
            (0..view.nodes.len() as NodeId).filter(|&it| is_there(view.nodes[it as usize].site)),
        );
    }
    if found.is_empty() {
        bail!("no object of the heap is made or held on {spot} of `{shown}`");
    }
    Ok(found)
}
