//! Untrusted text made safe to show: names, paths and excerpts come from other people's files.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text for a terminal: control characters (but tab and line feed) and bidirectional controls become `\u{..}`.
#[must_use]
pub fn terminal(text: &str) -> Cow<'_, str> {
    escaped(text, |c| {
        !matches!(c, '\t' | '\n') && (c.is_control() || is_bidi(c))
    })
}

/// As [`terminal`], for text that must stay on one line: every line end and tab is escaped too.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| {
        c.is_control() || is_bidi(c) || matches!(c, '\u{2028}' | '\u{2029}')
    })
}

/// Our own signs in ASCII, for terminals that have nothing else. Letters of other scripts stay.
#[must_use]
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '⇢' => out.push_str("~>"),
            '▲' => out.push('^'),
            '↺' => out.push('@'),
            '⚑' => out.push('!'),
            '≈' => out.push('~'),
            '≤' => out.push_str("<="),
            '≥' => out.push_str(">="),
            '×' => out.push('x'),
            '…' => out.push_str("..."),
            '·' => out.push('-'),
            '└' => out.push('\\'),
            '├' | '│' => out.push('|'),
            '─' | '–' | '—' => out.push('-'),
            other => out.push(other),
        }
    }
    out
}

/// A character of a source text, or a harmless one of the same length in bytes that ends no line.
#[must_use]
pub fn excerpt(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        '\x0b' | '\x0c' => ' ',
        '\u{85}' => '\u{a0}',
        '\u{2028}' | '\u{2029}' => '\u{2003}',
        _ if is_bidi(c) || c.is_control() => match c.len_utf8() {
            1 => '?',
            2 => '¿',
            _ => '\u{fffd}',
        },
        _ => c,
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, unsafe_: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&unsafe_) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_shown_and_not_sent() {
        assert_eq!(
            terminal("a\x1b[31m\tb\r\n\x7f\u{9b}\u{202e}é"),
            "a\\u{1b}[31m\tb\\u{d}\n\\u{7f}\\u{9b}\\u{202e}é"
        );
        assert!(matches!(terminal("plain é\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(line("a\nb\tc\u{2028}d"), "a\\u{a}b\\u{9}c\\u{2028}d");
    }

    #[test]
    fn excerpts_keep_their_lengths() {
        let text: String = (0..0x3000).filter_map(char::from_u32).collect();
        for c in text.chars() {
            let shown = excerpt(c);
            assert_eq!(shown.len_utf8(), c.len_utf8(), "{c:?}");
            assert!(
                !shown.is_control() || matches!(shown, '\t' | '\n' | '\r'),
                "{c:?}"
            );
        }
    }

    #[test]
    fn our_signs_have_ascii_forms() {
        assert_eq!(
            ascii("└─ .rows → list ▲ ≈ 1 …"),
            "\\- .rows -> list ^ ~ 1 ..."
        );
    }
}
