//! From the text of a comment to what it says.

use time::Date;
use time::format_description::well_known::Iso8601;

use super::{Directive, Malformed, Pragma, Selector, Suppressions};
use crate::base::Span;

/// Reads one comment.
pub(super) fn read(to: &mut Suppressions, pragma: &Pragma<'_>, today: Date) {
    for part in parts(pragma.text) {
        let words = Words {
            text: &pragma.text[part.clone()],
            base: pragma.at.start + part.start as u32,
        };
        let whole = words.span(0, words.text.len());
        let words = words.from(1).trim_start();
        if let Some(rest) = words.strip_word("noqa") {
            let (is_blanket, has_others, selectors) = noqa(rest);
            if is_blanket || !selectors.is_empty() {
                to.directives.push(Directive {
                    is_shared: true,
                    has_others,
                    ..directive(pragma, whole, is_blanket, selectors)
                });
            }
        } else if let Some(rest) = words.strip_word("heaplint")
            && let Some(rest) = rest.trim_start().strip_prefix(":")
            && let Err(message) = own(to, pragma, whole, rest.trim_start(), today)
        {
            to.malformed.push(Malformed {
                at: pragma.at,
                message,
            });
        }
    }
}

/// Each `#` begins a comment within the comment, unless a number follows: `#12` is something in the reason.
fn parts(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let is_start = move |at: &usize| {
        let at = *at;
        bytes[at] == b'#' && (at == 0 || !bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
    };
    let mut starts = (0..bytes.len()).filter(is_start).peekable();
    std::iter::from_fn(move || {
        let start = starts.next()?;
        Some(start..starts.peek().copied().unwrap_or(bytes.len()))
    })
}

/// A piece of a comment that knows where it stands.
#[derive(Clone, Copy)]
struct Words<'t> {
    text: &'t str,
    base: u32,
}

impl<'t> Words<'t> {
    fn span(self, from: usize, to: usize) -> Span {
        Span::new(self.base + from as u32, self.base + to as u32)
    }

    fn from(self, at: usize) -> Self {
        Self {
            text: &self.text[at..],
            base: self.base + at as u32,
        }
    }

    fn trim_start(self) -> Self {
        self.from(self.text.len() - self.text.trim_start().len())
    }

    fn strip_prefix(self, prefix: &str) -> Option<Self> {
        self.text
            .starts_with(prefix)
            .then(|| self.from(prefix.len()))
    }

    /// What follows `word`, in any case, when the word ends there.
    fn strip_word(self, word: &str) -> Option<Self> {
        let begin = self.text.get(..word.len())?;
        let rest = self.from(word.len());
        let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        (begin.eq_ignore_ascii_case(word) && !rest.text.starts_with(goes_on)).then_some(rest)
    }

    /// The words between commas and blanks.
    fn words(self) -> impl Iterator<Item = Self> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let skipped = rest.text.trim_start_matches([',', ' ', '\t']);
            rest = rest.from(rest.text.len() - skipped.len());
            let len = rest.text.find([',', ' ', '\t']).unwrap_or(rest.text.len());
            let word = Self {
                text: &rest.text[..len],
                base: rest.base,
            };
            rest = rest.from(len);
            (len > 0).then_some(word)
        })
    }

    fn selector(self) -> Selector {
        Selector {
            text: self.text.to_owned(),
            at: self.span(0, self.text.len()),
            is_used: false,
        }
    }
}

fn directive(
    pragma: &Pragma<'_>,
    part: Span,
    is_blanket: bool,
    selectors: Vec<Selector>,
) -> Directive {
    Directive {
        at: pragma.at,
        part,
        first: *pragma.lines.start(),
        last: *pragma.lines.end(),
        is_shared: false,
        has_others: false,
        is_blanket,
        selectors,
        is_used: false,
        reason: String::new(),
        until: None,
        is_expired: false,
    }
}

fn own(
    to: &mut Suppressions,
    pragma: &Pragma<'_>,
    part: Span,
    words: Words<'_>,
    today: Date,
) -> Result<(), String> {
    let verb_len = words
        .text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .unwrap_or(words.text.len());
    let verb = &words.text[..verb_len];
    let is_file = verb.eq_ignore_ascii_case("ignore-file");
    if !is_file && !verb.eq_ignore_ascii_case("ignore") {
        return Err(format!(
            "unknown `{verb}`: use `ignore`, `ignore[HL101]` or `ignore-file`"
        ));
    }
    let rest = words.from(verb_len).trim_start();
    let (is_blanket, selectors, rest) = match rest.strip_prefix("[") {
        None => (true, Vec::new(), rest),
        Some(list) => {
            let end = list
                .text
                .find(']')
                .ok_or_else(|| "the bracket is not closed".to_owned())?;
            let inside = Words {
                text: &list.text[..end],
                ..list
            };
            let selectors: Vec<Selector> = inside.words().map(Words::selector).collect();
            if selectors.is_empty() {
                return Err("no code or name between the brackets".to_owned());
            }
            (false, selectors, list.from(end + 1))
        }
    };
    let (reason, until) = reason(rest.text)?;
    let directive = Directive {
        reason,
        until,
        is_expired: until.is_some_and(|it| it < today),
        ..directive(pragma, part, is_blanket, selectors)
    };
    if is_file {
        to.file.push(directive);
    } else {
        to.directives.push(directive);
    }
    Ok(())
}

/// Why a finding is accepted, and until when: `until` and what looks like a date.
fn reason(text: &str) -> Result<(String, Option<Date>), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let around = |c: char| c.is_ascii_punctuation();
    let date_at = (1..words.len()).find(|&at| {
        let is_until = words[at - 1]
            .trim_matches(around)
            .eq_ignore_ascii_case("until");
        let begin = words[at].trim_start_matches(around).as_bytes();
        is_until && begin.get(4) == Some(&b'-') && begin[..4].iter().all(u8::is_ascii_digit)
    });
    let Some(at) = date_at else {
        let reason = text.trim().trim_matches(':').trim();
        return Ok((reason.to_owned(), None));
    };
    let date = words[at].trim_matches(around);
    let until = Date::parse(date, &Iso8601::DATE)
        .ok()
        .filter(|_| date.len() == 10)
        .ok_or_else(|| format!("`{date}` is no day: write it as 2026-12-31"))?;
    let reason: Vec<&str> = [&words[..at - 1], &words[at + 1..]].concat();
    Ok((reason.join(" "), Some(until)))
}

/// What follows `noqa`: whether it is a blanket, and else whether it names codes of others, and which are ours.
fn noqa(rest: Words<'_>) -> (bool, bool, Vec<Selector>) {
    let Some(list) = rest.trim_start().strip_prefix(":") else {
        return (true, false, Vec::new());
    };
    let codes = list.words().take_while(|it| is_code(it.text));
    let (ours, others): (Vec<_>, Vec<_>) = codes.partition(|it| {
        it.text
            .get(..2)
            .is_some_and(|family| family.eq_ignore_ascii_case("HL"))
    });
    let ours = ours.into_iter().map(Words::selector).collect();
    (false, !others.is_empty(), ours)
}

/// Letters, then digits, as all tools write their codes; or our family.
fn is_code(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.len() < word.len() && is_digits || word.eq_ignore_ascii_case("HL")
}
