//! The heap as pictures: trees, drawings, documents. Nothing here analyses: all that is drawn stands in the view.

pub mod compare;
pub mod dot;
pub mod folded;
pub mod html;
pub mod layout;
pub mod mermaid;
pub mod snapshot;
pub mod svg;
pub mod tree;
pub mod words;

use std::str::FromStr;

use crate::base::SourceMap;
use crate::finding::{Finding, Place};
use crate::heap::view::{HeapView, Node};
use crate::report::escape;

/// What a drawing is made of.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// The heap, or the part of it that is drawn.
    pub view: &'a HeapView,
    /// What was found; the view's numbers of findings count in it.
    pub findings: &'a [Finding],
    /// The files.
    pub sources: &'a SourceMap,
}

impl<'a> Picture<'a> {
    /// A place as people write it: `app/cache.py:12`.
    #[must_use]
    pub fn site(&self, place: Place) -> String {
        let file = self.sources.file(place.file);
        format!("{}:{}", file.path, file.line(place.span.start))
    }

    /// The codes of the findings about an object, each once.
    #[must_use]
    pub fn codes(&self, node: &Node) -> Vec<&'a str> {
        let mut codes: Vec<&str> = node
            .findings
            .iter()
            .filter_map(|&it| Some(self.findings.get(it as usize)?.rule.code.as_str()))
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Of each edge, whether it lies on the path of a finding.
    #[must_use]
    pub fn path_edges(&self) -> Vec<bool> {
        let mut on_path = vec![false; self.view.edges.len()];
        for found in &self.view.findings {
            for pair in found.path.windows(2) {
                let mut ids = self.view.out_ids(pair[0]);
                if let Some(id) = ids.find(|&it| self.view.edges[it as usize].to == pair[1]) {
                    on_path[id as usize] = true;
                }
            }
        }
        on_path
    }
}

/// What the heap can be drawn as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Format {
    /// A page with everything in it.
    Html,
    /// A drawing.
    Svg,
    /// Graphviz's language.
    Dot,
    /// A flowchart for Markdown.
    Mermaid,
    /// A heap snapshot for Chrome `DevTools`.
    Heapsnapshot,
    /// Stacks for flame graphs.
    Folded,
}

impl Format {
    /// All formats, as help lists them.
    pub const ALL: &[Self] = &[
        Self::Html,
        Self::Svg,
        Self::Dot,
        Self::Mermaid,
        Self::Heapsnapshot,
        Self::Folded,
    ];

    /// As the command line names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Svg => "svg",
            Self::Dot => "dot",
            Self::Mermaid => "mermaid",
            Self::Heapsnapshot => "heapsnapshot",
            Self::Folded => "folded",
        }
    }
}

/// A name that is no format.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown drawing `{name}`; drawings are {}", names())]
pub struct FormatError {
    name: String,
}

fn names() -> String {
    let all: Vec<&str> = Format::ALL.iter().map(|it| it.name()).collect();
    all.join(", ")
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        Self::ALL
            .iter()
            .copied()
            .find(|it| it.name() == name)
            .ok_or_else(|| FormatError {
                name: escape::line(name).into_owned(),
            })
    }
}

/// Draws. `counts` is the line of numbers that a page shows.
#[must_use]
pub fn write(format: Format, picture: &Picture<'_>, title: &str, counts: &str) -> String {
    match format {
        Format::Html => html::html(picture, title, counts),
        Format::Heapsnapshot => escape::json(&snapshot::snapshot(picture)).into_owned(),
        Format::Svg => svg::svg(picture, title),
        Format::Dot => escape::markup(&dot::dot(picture, title)).into_owned(),
        Format::Mermaid => mermaid::mermaid(picture),
        Format::Folded => escape::log(&folded::folded(picture)).into_owned(),
    }
}
