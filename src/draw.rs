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

use std::str::FromStr;

use unicode_width::UnicodeWidthChar;

use crate::base::{SourceMap, human};
use crate::finding::{Finding, Growth, Place};
use crate::heap::view::{HeapView, Node, NodeKind};

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
}

/// `per call`, as people say it.
#[must_use]
pub fn growth_words(growth: Growth) -> &'static str {
    match growth {
        Growth::Bounded => "bounded",
        Growth::PerCall => "per call",
        Growth::PerInstance => "per instance",
        Growth::PerThread => "per thread",
        Growth::PerLoop => "per turn of the loop",
        Growth::Unknown => "",
    }
}

/// The size to show beside an object: of one step where it grows, else of what goes with it. Nothing when nothing is known.
#[must_use]
pub fn size_words(node: &Node) -> String {
    match (node.grows, node.step_bytes) {
        (Some(_), Some(bytes)) => format!("{} each", human(bytes)),
        (Some(_), None) => String::new(),
        (None, _) if node.kind == NodeKind::Group => String::new(),
        (None, _) if node.is_sized || node.retained >= 1024 => human(node.retained),
        _ => String::new(),
    }
}

/// As [`size_words`], with what a step of growth is: `≈ 1.4 KiB per call`.
#[must_use]
pub fn step_words(node: &Node) -> String {
    match (node.grows, node.step_bytes) {
        (Some(growth), Some(bytes)) => format!("{} {}", human(bytes), growth_words(growth))
            .trim_end()
            .to_owned(),
        (Some(growth), None) => growth_words(growth).to_owned(),
        (None, _) => size_words(node),
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
                name: crate::report::escape::line(name).into_owned(),
            })
    }
}

/// Draws. `counts` is the line of numbers that a page shows.
#[must_use]
pub fn write(format: Format, picture: &Picture<'_>, title: &str, counts: &str) -> String {
    match format {
        Format::Html => html::html(picture, title, counts),
        Format::Heapsnapshot => snapshot::snapshot(picture),
        Format::Svg => svg::svg(picture, title),
        Format::Dot => dot::dot(picture, title),
        Format::Mermaid => mermaid::mermaid(picture),
        Format::Folded => folded::folded(picture),
    }
}

/// A text of at most so many columns, cut in the middle: both ends of a name tell something.
#[must_use]
pub fn middle(text: &str, columns: usize) -> String {
    let wide = |c: char| c.width().unwrap_or(0);
    let all: usize = text.chars().map(wide).sum();
    if all <= columns {
        return text.to_owned();
    }
    let (mut left, mut right) = (columns / 2, columns - columns / 2 - 1);
    let mut head = String::new();
    for c in text.chars() {
        if wide(c) > left {
            break;
        }
        left -= wide(c);
        head.push(c);
    }
    let mut tail: Vec<char> = Vec::new();
    for c in text.chars().rev() {
        if wide(c) > right {
            break;
        }
        right -= wide(c);
        tail.push(c);
    }
    head.push('…');
    head.extend(tail.into_iter().rev());
    head
}
