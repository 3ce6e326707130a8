//! Comments that silence findings, one file at a time.
//!
//! - `# noqa` silences every finding of its statement, `# noqa: HL101, HL2` those of a code or a family. Codes of other
//!   tools are theirs: `# noqa: E501` silences nothing of ours.
//! - `# heaplint: ignore` and `# heaplint: ignore[HL101, method-cache] reason` do the same, and take names of rules too.
//! - `# heaplint: ignore-file` and `# heaplint: ignore-file[HL2]` speak for the whole file.
//!
//! Several may share a comment: `# type: ignore  # noqa: HL201`. What silenced nothing, and what says `heaplint:` but
//! nothing that we understand, can be listed: a misspelled comment must not pass for a silenced finding.

use std::ops::RangeInclusive;

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

/// A comment, or one selector of it, that silenced nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unused {
    /// Where the comment stands.
    pub at: Span,
    /// Its selectors that silenced nothing; empty for a comment without selectors.
    pub selectors: Vec<String>,
}

#[derive(Clone, Debug)]
struct Directive {
    at: Span,
    first: u32,
    last: u32,
    /// `noqa` belongs to other tools as well.
    is_shared: bool,
    /// Without selectors.
    is_blanket: bool,
    selectors: Vec<Selector>,
    is_used: bool,
    reason: String,
}

#[derive(Clone, Debug)]
struct Selector {
    text: String,
    is_used: bool,
}

impl Suppressions {
    /// Reads the comments of one file, in time linear in their length.
    #[must_use]
    pub fn parse<'a>(pragmas: impl IntoIterator<Item = Pragma<'a>>) -> Self {
        let mut it = Self::default();
        for pragma in pragmas {
            it.read(&pragma);
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
                is_silenced |= directive.silences(code, name);
            }
        }
        for directive in &mut self.file {
            is_silenced |= directive.silences(code, name);
        }
        is_silenced
    }

    /// Comments that silenced nothing so far, in file order. A bare `# noqa` is not ours to judge.
    #[must_use]
    pub fn unused(&self) -> Vec<Unused> {
        let mut unused: Vec<Unused> = self
            .file
            .iter()
            .chain(&self.directives)
            .filter_map(Directive::unused)
            .collect();
        unused.sort_by_key(|it| it.at);
        unused
    }

    /// Comments without selectors, in file order: for a project that forbids them. A bare `# noqa` is among them.
    #[must_use]
    pub fn blanket(&self) -> Vec<Span> {
        self.places(|it| it.is_blanket)
    }

    /// Comments of ours that give no reason, in file order: for a project that asks for one.
    #[must_use]
    pub fn without_reason(&self) -> Vec<Span> {
        self.places(|it| !it.is_shared && it.reason.is_empty())
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

    fn read(&mut self, pragma: &Pragma<'_>) {
        // Each `#` begins a comment within the comment.
        for part in pragma.text.split('#').map(str::trim_start) {
            if let Some(rest) = strip_word(part, "noqa") {
                let (is_blanket, selectors) = noqa(rest);
                if is_blanket || !selectors.is_empty() {
                    let directive = Directive::new(pragma, is_blanket, selectors);
                    self.directives.push(Directive {
                        is_shared: true,
                        ..directive
                    });
                }
            } else if let Some(rest) =
                strip_word(part, "heaplint").and_then(|rest| rest.trim_start().strip_prefix(':'))
                && let Err(message) = self.read_own(pragma, rest.trim())
            {
                self.malformed.push(Malformed {
                    at: pragma.at,
                    message,
                });
            }
        }
    }

    fn read_own(&mut self, pragma: &Pragma<'_>, text: &str) -> Result<(), String> {
        let verb_len = text
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(text.len());
        let (verb, rest) = text.split_at(verb_len);
        let is_file = verb.eq_ignore_ascii_case("ignore-file");
        if !is_file && !verb.eq_ignore_ascii_case("ignore") {
            return Err(format!(
                "unknown `{verb}`: use `ignore`, `ignore[HL101]` or `ignore-file`"
            ));
        }
        let rest = rest.trim_start();
        let (is_blanket, selectors, reason) = match rest.strip_prefix('[') {
            None => (true, Vec::new(), rest),
            Some(list) => {
                let (list, reason) = list
                    .split_once(']')
                    .ok_or_else(|| "the bracket is not closed".to_owned())?;
                let words = list.split([',', ' ', '\t']).filter(|it| !it.is_empty());
                let selectors: Vec<String> = words.map(str::to_owned).collect();
                if selectors.is_empty() {
                    return Err("no code or name between the brackets".to_owned());
                }
                (false, selectors, reason)
            }
        };
        let directive = Directive {
            reason: reason.trim().to_owned(),
            ..Directive::new(pragma, is_blanket, selectors)
        };
        if is_file {
            self.file.push(directive);
        } else {
            self.directives.push(directive);
        }
        Ok(())
    }
}

impl Directive {
    fn new(pragma: &Pragma<'_>, is_blanket: bool, selectors: Vec<String>) -> Self {
        let selectors = selectors.into_iter().map(|text| Selector {
            text,
            is_used: false,
        });
        Self {
            at: pragma.at,
            first: *pragma.lines.start(),
            last: *pragma.lines.end(),
            is_shared: false,
            is_blanket,
            selectors: selectors.collect(),
            is_used: false,
            reason: String::new(),
        }
    }

    fn silences(&mut self, code: &str, name: &str) -> bool {
        let mut is_silenced = self.is_blanket;
        for selector in &mut self.selectors {
            if selector.text == name || is_family(&selector.text, code) {
                selector.is_used = true;
                is_silenced = true;
            }
        }
        self.is_used |= is_silenced;
        is_silenced
    }

    fn unused(&self) -> Option<Unused> {
        let unused = self.selectors.iter().filter(|it| !it.is_used);
        let selectors: Vec<String> = unused.map(|it| it.text.clone()).collect();
        let says_nothing = if self.is_blanket {
            !self.is_used && !self.is_shared
        } else {
            !selectors.is_empty()
        };
        says_nothing.then_some(Unused {
            at: self.at,
            selectors,
        })
    }
}

/// What follows `noqa`: whether it is a blanket, and else its selectors that are ours.
fn noqa(rest: &str) -> (bool, Vec<String>) {
    let Some(list) = rest.trim_start().strip_prefix(':') else {
        return (true, Vec::new());
    };
    let words = list.split([',', ' ', '\t']).filter(|it| !it.is_empty());
    let codes = words.take_while(|it| is_code(it));
    let ours = codes.filter(|it| {
        it.get(..2)
            .is_some_and(|family| family.eq_ignore_ascii_case("HL"))
    });
    (false, ours.map(str::to_owned).collect())
}

/// Letters, then digits, as all tools write their codes; or our family.
fn is_code(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.len() < word.len() && is_digits || word.eq_ignore_ascii_case("HL")
}

/// Whether `selector` is `code` or begins it: `HL`, `HL2`, `HL201`.
fn is_family(selector: &str, code: &str) -> bool {
    selector.len() >= 2
        && code
            .get(..selector.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(selector))
}

/// What follows `word` at the start of `text`, in any case, when the word ends there.
fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let begin = text.get(..word.len())?;
    let rest = &text[word.len()..];
    let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    (begin.eq_ignore_ascii_case(word) && !rest.starts_with(goes_on)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(line: u32, text: &str) -> Pragma<'_> {
        Pragma {
            text,
            at: Span::new(line * 100, line * 100 + text.len() as u32),
            lines: line..=line,
        }
    }

    fn silences(comment: &str) -> bool {
        Suppressions::parse([on(3, comment)]).silences("HL201", "unclosed-file", &(3..=3))
    }

    #[test]
    fn comments_that_silence() {
        for comment in [
            "# noqa",
            "#noqa",
            "# NoQA  because",
            "# noqa: HL201",
            "# noqa:HL201",
            "# noqa : hl201 kept on purpose",
            "# noqa: E501,HL201",
            "# noqa: E501 HL2",
            "# type: ignore  # noqa: HL",
            "# heaplint: ignore",
            "# heaplint:ignore the caller closes it",
            "# heaplint: ignore[HL201] the caller closes it",
            "# heaplint: ignore[unclosed-file]",
            "# heaplint: ignore [ HL101, HL2 ]",
            "# heaplint: ignore-file",
            "# heaplint: ignore-file[HL201]",
        ] {
            assert!(silences(comment), "{comment}");
        }
    }

    #[test]
    fn comments_that_do_not_silence() {
        for comment in [
            "# noqa: E501",
            "# noqa: HL101",
            "# noqa: HL2011",
            "# noqa: see HL201",
            "# noqa:",
            "# noqasaurus",
            "# a word about noqa",
            "# heaplint: ignore[HL101]",
            "# heaplint: ignore[]",
            "# heaplint: ignore[HL201",
            "# heaplint: ignored",
            "# heaplint ignore",
            "# heaplint: ignore-file[HL1]",
            "# é",
        ] {
            assert!(!silences(comment), "{comment}");
        }
    }

    #[test]
    fn any_line_of_the_statement_will_do() {
        let pragma = Pragma {
            lines: 3..=6,
            ..on(6, "# noqa: HL201")
        };
        let mut it = Suppressions::parse([on(1, "# noqa: HL1"), pragma, on(9, "# noqa: HL1")]);
        assert!(it.silences("HL201", "unclosed-file", &(3..=3)));
        assert!(it.silences("HL201", "unclosed-file", &(4..=9)));
        assert!(!it.silences("HL201", "unclosed-file", &(2..=2)));
        assert!(!it.silences("HL201", "unclosed-file", &(7..=8)));
    }

    #[test]
    fn what_silenced_nothing_is_listed() {
        let mut it = Suppressions::parse([
            on(1, "# noqa"),
            on(2, "# heaplint: ignore"),
            on(3, "# noqa: E501, HL101, HL201"),
            on(4, "# heaplint: ignore[HL201]"),
            on(5, "# heaplint: ignore-file[HL3]"),
        ]);
        assert!(it.silences("HL201", "unclosed-file", &(3..=3)));
        assert!(it.silences("HL201", "unclosed-file", &(4..=4)));
        let unused: Vec<_> = it
            .unused()
            .into_iter()
            .map(|it| (it.at.start, it.selectors))
            .collect();
        assert_eq!(
            unused,
            [
                (200, vec![]),
                (300, vec!["HL101".to_owned()]),
                (500, vec!["HL3".to_owned()]),
            ]
        );
        assert_eq!(it.blanket().len(), 2);
        assert_eq!(it.without_reason().len(), 3);
    }

    #[test]
    fn misspelled_comments_are_listed() {
        let it = Suppressions::parse([
            on(1, "# heaplint: ignroe[HL101]"),
            on(2, "# heaplint: ignore[HL101"),
            on(3, "# heaplint: ignore[ ]"),
        ]);
        let messages: Vec<_> = it
            .malformed()
            .iter()
            .map(|it| it.message.as_str())
            .collect();
        assert_eq!(
            messages,
            [
                "unknown `ignroe`: use `ignore`, `ignore[HL101]` or `ignore-file`",
                "the bracket is not closed",
                "no code or name between the brackets",
            ]
        );
    }

    #[test]
    fn many_comments_take_linear_time() {
        let text = "# noqa: HL9 ".repeat(20_000) + &"# heaplint: ignore[".repeat(20_000);
        let pragmas = (1..50_000).map(|line| on(line, "# noqa: HL9"));
        let mut it = Suppressions::parse(pragmas.chain([on(60_000, &text)]));
        for line in 1..50_000 {
            assert!(!it.silences("HL201", "unclosed-file", &(line..=line)));
        }
    }
}
