//! Comments that speak to us: `noqa` and `heaplint:`.
//!
//! Works on the text alone, for the door whose parser keeps no comments. Most files have no such comment,
//! which one search for `#` finds out; only the others are read string by string.

use memchr::{memchr_iter, memchr2, memchr2_iter, memchr3};

use crate::base::Span;
use crate::limits::MAX_DEPTH;
use crate::syntax::tree::Pragma;

/// All comments of `text`, outside of strings, that contain `noqa` or `heaplint:` in any case.
pub(super) fn find(text: &str) -> Vec<Pragma> {
    let bytes = text.as_bytes();
    let mut checked = 0;
    let may_speak = memchr_iter(b'#', bytes).any(|at| {
        if at < checked {
            return false;
        }
        checked = line_end(bytes, at);
        speaks(&bytes[at..checked])
    });
    if !may_speak {
        return Vec::new();
    }
    let mut scan = Scan {
        text,
        at: 0,
        depth: 0,
        pragmas: Vec::new(),
    };
    while scan.at < bytes.len() {
        scan.code(false);
    }
    scan.pragmas
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    memchr2(b'\n', b'\r', &bytes[from..]).map_or(bytes.len(), |len| from + len)
}

/// Whether a comment contains `noqa` or `heaplint:` in any case.
pub(super) fn speaks(comment: &[u8]) -> bool {
    has_word(comment, b"noqa") || has_word(comment, b"heaplint:")
}

/// Whether `text` contains `word`, which is lower-case, in any case.
fn has_word(text: &[u8], word: &[u8]) -> bool {
    let first = word[0];
    memchr2_iter(first, first.to_ascii_uppercase(), text).any(|at| {
        text[at..]
            .get(..word.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(word))
    })
}

/// A walk over code, strings and the holes of f-strings.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    depth: u32,
    pragmas: Vec<Pragma>,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Code up to the end of the text, or in a hole to past the brace that closes it; the colon of a hole is left to the caller.
    fn code(&mut self, in_hole: bool) {
        let bytes = self.text.as_bytes();
        let mut open = 0_u32;
        loop {
            if !in_hole {
                let Some(len) = memchr3(b'#', b'"', b'\'', &bytes[self.at..]) else {
                    self.at = bytes.len();
                    return;
                };
                self.at += len;
            }
            match self.peek() {
                None => return,
                Some(b'#') => self.comment(),
                Some(b'"' | b'\'') => self.string(),
                Some(b'(' | b'[' | b'{') => {
                    open += 1;
                    self.at += 1;
                }
                Some(b')' | b']') => {
                    open = open.saturating_sub(1);
                    self.at += 1;
                }
                Some(b'}') if open > 0 => {
                    open -= 1;
                    self.at += 1;
                }
                Some(b'}') => {
                    self.at += 1;
                    return;
                }
                Some(b':') if open == 0 => return,
                Some(_) => self.at += 1,
            }
        }
    }

    fn comment(&mut self) {
        let end = line_end(self.text.as_bytes(), self.at);
        let text = &self.text[self.at..end];
        if speaks(text.as_bytes()) {
            self.pragmas.push(Pragma {
                text: text.into(),
                span: Span::new(self.at as u32, end as u32),
            });
        }
        self.at = end;
    }

    /// A string, from its first quote. A backslash hides a quote in raw strings too.
    fn string(&mut self) {
        let bytes = self.text.as_bytes();
        let quote = bytes[self.at];
        let has_holes = bytes[..self.at]
            .iter()
            .rev()
            .take(2)
            .take_while(|byte| byte.is_ascii_alphabetic())
            .any(|byte| b"fFtT".contains(byte))
            && self.depth < MAX_DEPTH;
        let is_triple = bytes[self.at..].starts_with(&[quote; 3]);
        self.at += if is_triple { 3 } else { 1 };
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' if has_holes && matches!(bytes.get(self.at + 1), Some(b'{' | b'}')) => {
                    self.at += 1;
                }
                b'\\' if bytes[self.at..].starts_with(b"\\\r\n") => self.at += 3,
                b'\\' => self.at = (self.at + 2).min(bytes.len()),
                b'\n' | b'\r' if !is_triple => return,
                b'{' if has_holes && bytes.get(self.at + 1) == Some(&b'{') => self.at += 2,
                b'{' if has_holes => self.hole(),
                _ if byte == quote && !is_triple => {
                    self.at += 1;
                    return;
                }
                _ if byte == quote && bytes[self.at..].starts_with(&[quote; 3]) => {
                    self.at += 3;
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    /// A hole from its opening brace; its format specification may have holes of its own.
    fn hole(&mut self) {
        self.depth += 1;
        self.at += 1;
        self.code(true);
        if self.peek() == Some(b':') && self.depth < MAX_DEPTH {
            self.at += 1;
            loop {
                match self.peek() {
                    None | Some(b'\n' | b'\r' | b'"' | b'\'') => break,
                    Some(b'{') => self.hole(),
                    Some(b'}') => {
                        self.at += 1;
                        break;
                    }
                    Some(_) => self.at += 1,
                }
            }
        }
        self.depth -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        find(text).into_iter().map(|it| it.text.into()).collect()
    }

    #[test]
    fn comments_outside_of_strings_speak() {
        let text = "x = '# noqa'  # NoQA: HL101\r\ny = 1  # other\n# heaplint: ignore\rz";
        assert_eq!(texts(text), ["# NoQA: HL101", "# heaplint: ignore"]);
    }

    #[test]
    fn quotes_and_escapes_do_not_confuse() {
        assert_eq!(
            texts("'''a' # noqa'''; r'\\' # noqa'  # noqa: 1"),
            ["# noqa: 1"]
        );
        assert_eq!(texts("f'{a[\"# noqa\"]:#x}' # noqa: 2"), ["# noqa: 2"]);
        assert_eq!(texts("f'{x['# noqa']}{{' # noqa: 3"), ["# noqa: 3"]);
        assert_eq!(texts("f'{x!r:{w}#}' 'a' # noqa: 4"), ["# noqa: 4"]);
        assert_eq!(texts("it's # noqa: 5\n# noqa: 6"), ["# noqa: 6"]);
    }
}
