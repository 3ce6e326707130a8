//! What drawings write into boxes and trees: sizes, growth, signs, names of bounded length.

use unicode_width::UnicodeWidthChar;

use crate::base::human;
use crate::finding::Growth;
use crate::heap::view::{Node, NodeKind};

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

/// What stands below a name: the type, unless it is the name, and the size.
#[must_use]
pub fn details(node: &Node) -> Vec<String> {
    let mut words = Vec::new();
    if !node.type_name.is_empty() && node.type_name != node.label {
        words.push(node.type_name.clone());
    }
    let size = step_words(node);
    if !size.is_empty() {
        words.push(size);
    }
    words
}

/// `▲` grows, `↺` part of a cycle, `⚑` has a finalizer.
pub fn signs(node: &Node) -> impl Iterator<Item = &'static str> {
    let all = [
        ("▲", node.grows.is_some()),
        ("↺", node.cycle.is_some()),
        ("⚑", node.has_finalizer),
    ];
    all.into_iter().filter(|it| it.1).map(|it| it.0)
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
