//! Comments that silence findings: `# noqa: HL101`, `# heaplint: ignore[HL101] reason`, `# heaplint: ignore-file`.
//!
//! A comment counts for every line of the statement that it stands on. Codes of other tools in the same comment are left
//! alone: `# noqa: E501` silences nothing of ours, a bare `# noqa` everything on its statement.

use crate::base::LineIndex;
use crate::catalog::RuleMeta;
use crate::facts::model::PragmaF;

/// Suppressions of one file.
#[derive(Debug, Default)]
pub struct Suppressions {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// First and last line that it covers; `None` for the whole file.
    lines: Option<(u32, u32)>,
    /// What it silences; empty for everything.
    selectors: Vec<String>,
}

impl Suppressions {
    /// Reads a file's comments.
    #[must_use]
    pub fn parse(pragmas: &[PragmaF], lines: &LineIndex) -> Self {
        let mut entries = Vec::new();
        for pragma in pragmas {
            let last = |end: u32| lines.line(end.saturating_sub(1).max(pragma.covers.start));
            let covered = (
                lines.line(pragma.covers.start),
                last(pragma.covers.end).max(lines.line(pragma.at.start)),
            );
            entries.extend(
                read(&pragma.text)
                    .into_iter()
                    .map(|(is_file, selectors)| Entry {
                        lines: (!is_file).then_some(covered),
                        selectors,
                    }),
            );
        }
        Self { entries }
    }

    /// Whether a finding of a rule on a line is silenced.
    #[must_use]
    pub fn silences(&self, rule: &RuleMeta, line: u32) -> bool {
        self.entries.iter().any(|it| {
            it.lines
                .is_none_or(|(first, last)| (first..=last).contains(&line))
                && (it.selectors.is_empty() || it.selectors.iter().any(|s| rule.matches(s)))
        })
    }
}

/// What a comment silences: whether the whole file, and which selectors (none: everything).
fn read(text: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for part in text.split('#') {
        let part = part.trim();
        let lower = part.to_ascii_lowercase();
        if let Some(rest) = lower.strip_prefix("noqa") {
            match rest.trim_start().strip_prefix(':') {
                None => found.push((false, Vec::new())),
                Some(codes) => {
                    let ours: Vec<String> = codes
                        .split(|c: char| !c.is_ascii_alphanumeric())
                        .take_while(|it| {
                            it.is_empty() || it.len() > 2 && it.chars().any(|c| c.is_ascii_digit())
                        })
                        .filter(|it| it.starts_with("hl"))
                        .map(str::to_ascii_uppercase)
                        .collect();
                    if !ours.is_empty() {
                        found.push((false, ours));
                    }
                }
            }
        } else if let Some(rest) = lower.strip_prefix("heaplint:") {
            let rest = rest.trim_start();
            let (is_file, rest) = match rest.strip_prefix("ignore-file") {
                Some(rest) => (true, rest),
                None => match rest.strip_prefix("ignore") {
                    Some(rest) => (false, rest),
                    None => continue,
                },
            };
            let selectors = match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
                Some((codes, _)) => codes
                    .split(',')
                    .map(|it| it.trim())
                    .filter(|it| !it.is_empty())
                    .map(|it| {
                        if it.starts_with("hl") {
                            it.to_ascii_uppercase()
                        } else {
                            it.to_owned()
                        }
                    })
                    .collect(),
                None => Vec::new(),
            };
            found.push((is_file, selectors));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn only_our_codes_are_read() {
        assert_eq!(read("# noqa: E501"), vec![]);
        assert_eq!(read("# noqa"), vec![(false, vec![])]);
        assert_eq!(
            read("# noqa: E501, HL101 the map is small"),
            vec![(false, vec!["HL101".to_owned()])]
        );
        assert_eq!(
            read("# type: ignore  # noqa:HL1"),
            vec![(false, vec!["HL1".to_owned()])]
        );
        assert_eq!(
            read("# heaplint: ignore[HL201, method-cache] why"),
            vec![(false, vec!["HL201".to_owned(), "method-cache".to_owned()])]
        );
        assert_eq!(read("# heaplint: ignore-file"), vec![(true, vec![])]);
    }
}
