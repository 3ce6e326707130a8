//! Comments that silence findings, one file at a time.
//!
//! - `# noqa` silences every finding of its statement, `# noqa: HL101, HL2` those of a code or a family. Codes of other
//!   tools are theirs: `# noqa: E501` silences nothing of ours.
//! - `# heaplint: ignore` and `# heaplint: ignore[HL101, method-cache] reason` do the same, and take names of rules too.
//! - `# heaplint: ignore-file` and `# heaplint: ignore-file[HL2]` speak for the whole file.
//! - `until 2026-12-31` in the reason ends it after that day.
//!
//! Several may share a comment: `# type: ignore  # noqa: HL201`. What silenced nothing, and what says `heaplint:` but
//! nothing that we understand, is listed: a misspelled comment must not pass for a silenced finding.

mod read;
mod remove;

use std::ops::RangeInclusive;

use time::Date;

use crate::base::Span;

/// A comment that may speak to us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pragma<'a> {
    /// The comment's text, from its `#`.
    pub text: &'a str,
    /// Where it stands.
    pub at: Span,
    /// Lines, from 1, of the statement that it stands on; its own line when it stands alone.
    pub lines: RangeInclusive<u32>,
}

/// What a file's comments silence.
#[derive(Clone, Default, Debug)]
pub struct Suppressions {
    /// Sorted by first line.
    directives: Vec<Directive>,
    /// Of each directive and those before it, the greatest last line.
    reaches: Vec<u32>,
    /// Directives for the whole file.
    file: Vec<Directive>,
    malformed: Vec<Malformed>,
}

/// A comment that says `heaplint:`, but nothing that we understand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// Where it stands.
    pub at: Span,
    /// What is wrong: lower-case, without a final period.
    pub message: String,
}

/// A comment, or some selectors of it, that silenced nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unused {
    /// Where the comment stands.
    pub at: Span,
    /// Its selectors that silenced nothing; empty for a comment without selectors.
    pub selectors: Vec<String>,
    /// Ranges to take out of the text, in order, that remove them and leave what other tools read.
    pub remove: Vec<Span>,
}

/// A comment whose day has passed, and that would silence something otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expired {
    /// Where it stands.
    pub at: Span,
    /// The last day on which it counted.
    pub until: Date,
}

#[derive(Clone, Debug)]
struct Directive {
    at: Span,
    /// Its part of the comment, from its `#` to the next part.
    part: Span,
    first: u32,
    last: u32,
    /// `noqa` belongs to other tools as well.
    is_shared: bool,
    /// Names codes of other tools.
    has_others: bool,
    /// Without selectors.
    is_blanket: bool,
    selectors: Vec<Selector>,
    is_used: bool,
    reason: String,
    until: Option<Date>,
    is_expired: bool,
}

#[derive(Clone, Debug)]
struct Selector {
    text: String,
    /// Where it stands.
    at: Span,
    is_used: bool,
}

impl Suppressions {
    /// Reads the comments of one file, in time linear in their length. Those whose day came before `today` silence nothing.
    #[must_use]
    pub fn parse<'a>(pragmas: impl IntoIterator<Item = Pragma<'a>>, today: Date) -> Self {
        let mut it = Self::default();
        for pragma in pragmas {
            read::read(&mut it, &pragma, today);
        }
        it.directives.sort_by_key(|directive| directive.first);
        let mut reach = 0;
        it.reaches = it
            .directives
            .iter()
            .map(|directive| {
                reach = reach.max(directive.last);
                reach
            })
            .collect();
        it
    }

    /// Whether a finding of this rule, on a statement of these lines, is silenced. What silences it counts as used.
    pub fn silences(&mut self, code: &str, name: &str, lines: &RangeInclusive<u32>) -> bool {
        self.ask(lines, |it| it.silences(code, name))
    }

    /// Whether a finding about comments themselves is silenced: by name only, as a blanket would silence what is said of it.
    pub fn silences_by_name(
        &mut self,
        code: &str,
        name: &str,
        lines: &RangeInclusive<u32>,
    ) -> bool {
        self.ask(lines, |it| !it.is_blanket && it.silences(code, name))
    }

    fn ask(
        &mut self,
        lines: &RangeInclusive<u32>,
        mut silences: impl FnMut(&mut Directive) -> bool,
    ) -> bool {
        let mut is_silenced = false;
        let before = self
            .directives
            .partition_point(|directive| directive.first <= *lines.end());
        for at in (0..before).rev() {
            if self.reaches[at] < *lines.start() {
                break;
            }
            let directive = &mut self.directives[at];
            if directive.last >= *lines.start() {
                is_silenced |= silences(directive);
            }
        }
        for directive in &mut self.file {
            is_silenced |= silences(directive);
        }
        is_silenced
    }

    /// Comments that silenced nothing so far, in file order. A bare `# noqa` is not ours to judge, and a selector is
    /// judged when `is_judged` says that all rules it names had their say; a comment without selectors names them all.
    #[must_use]
    pub fn unused(&self, text: &str, is_judged: impl Fn(Option<&str>) -> bool) -> Vec<Unused> {
        let mut unused: Vec<Unused> = self
            .file
            .iter()
            .chain(&self.directives)
            .filter_map(|it| it.unused(text, &is_judged))
            .collect();
        unused.sort_by_key(|it| it.at);
        unused
    }

    /// Comments without selectors, in file order: for a project that forbids them. A bare `# noqa` is among them when it
    /// silenced something of ours.
    #[must_use]
    pub fn blanket(&self) -> Vec<Span> {
        self.places(|it| it.is_blanket && (!it.is_shared || it.is_used))
    }

    /// Comments of ours that give no reason, in file order: for a project that asks for one.
    #[must_use]
    pub fn without_reason(&self) -> Vec<Span> {
        self.places(|it| !it.is_shared && it.reason.is_empty())
    }

    /// Comments whose day has passed, in file order, that would silence something otherwise.
    #[must_use]
    pub fn expired(&self) -> Vec<Expired> {
        let all = self.file.iter().chain(&self.directives);
        let mut expired: Vec<Expired> = all
            .filter(|it| it.is_expired && it.is_used)
            .filter_map(|it| {
                Some(Expired {
                    at: it.at,
                    until: it.until?,
                })
            })
            .collect();
        expired.sort_by_key(|it| it.at);
        expired
    }

    /// Codes and names between brackets or after `noqa:`, where they stand; codes of other tools are not among them.
    pub fn selectors(&self) -> impl Iterator<Item = (&str, Span)> {
        let all = self.file.iter().chain(&self.directives);
        all.flat_map(|it| it.selectors.iter().map(|it| (&*it.text, it.at)))
    }

    /// Comments that say `heaplint:`, but nothing that we understand, in file order.
    #[must_use]
    pub fn malformed(&self) -> &[Malformed] {
        &self.malformed
    }

    fn places(&self, wanted: impl Fn(&Directive) -> bool) -> Vec<Span> {
        let all = self.file.iter().chain(&self.directives);
        let mut places: Vec<Span> = all.filter(|it| wanted(it)).map(|it| it.at).collect();
        places.sort_unstable();
        places
    }
}

impl Directive {
    fn silences(&mut self, code: &str, name: &str) -> bool {
        let mut is_silenced = self.is_blanket;
        for selector in &mut self.selectors {
            if selector.text == name || is_family(&selector.text, code) {
                selector.is_used = true;
                is_silenced = true;
            }
        }
        self.is_used |= is_silenced;
        is_silenced && !self.is_expired
    }

    fn unused(&self, text: &str, is_judged: impl Fn(Option<&str>) -> bool) -> Option<Unused> {
        let unused: Vec<&Selector> = self
            .selectors
            .iter()
            .filter(|it| !it.is_used && is_judged(Some(&it.text)))
            .collect();
        let says_nothing = if self.is_blanket {
            !self.is_used && !self.is_shared && is_judged(None)
        } else {
            !unused.is_empty()
        };
        says_nothing.then(|| Unused {
            at: self.at,
            remove: remove::ranges(text, self, &unused),
            selectors: unused.iter().map(|it| it.text.clone()).collect(),
        })
    }
}

/// Whether `selector` is `code` or begins it: `HL`, `HL2`, `HL201`.
fn is_family(selector: &str, code: &str) -> bool {
    selector.len() >= 2
        && code
            .get(..selector.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(selector))
}

#[cfg(test)]
mod tests;
