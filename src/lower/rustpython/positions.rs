//! Where things stand in the text: what the parser does not say.

use rustpython_parser::text_size::TextRange;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

use super::{Lowerer, SyntaxError, TOO_DEEP, char_at};
use crate::base::{Name, Span};

impl Lowerer<'_> {
    /// Notes the CR LF line ends inside the string token at `range`, which the parser counted as one byte each.
    pub(super) fn note_returns(&mut self, range: TextRange) -> bool {
        if !self.skipped_returns.is_empty() {
            return false;
        }
        let start = usize::from(range.start());
        let token = &self.text.as_bytes()[start..usize::from(range.end())];
        for at in memchr::memmem::find_iter(token, b"\r\n") {
            let counted = start + at - self.skipped_returns.len();
            self.skipped_returns.push(counted as u32);
        }
        !self.skipped_returns.is_empty()
    }

    // Places.

    pub(super) fn span(&self, range: TextRange) -> Span {
        Span::new(
            self.offset(range.start().into()),
            self.offset(range.end().into()),
        )
    }

    pub(super) fn offset(&self, counted: u32) -> u32 {
        counted + self.skipped_returns.partition_point(|&at| at < counted) as u32
    }

    pub(super) fn byte(&self, at: u32) -> Option<u8> {
        self.text.as_bytes().get(at as usize).copied()
    }

    /// Past white space, line ends, comments and continued lines.
    pub(super) fn skip(&self, mut at: u32) -> u32 {
        while let Some(byte) = self.byte(at) {
            match byte {
                b' ' | b'\t' | b'\x0c' | b'\n' | b'\r' | b'\\' => at += 1,
                b'#' => {
                    while !matches!(self.byte(at), None | Some(b'\n' | b'\r')) {
                        at += 1;
                    }
                }
                _ => break,
            }
        }
        at
    }

    /// Past closing parentheses and a comma after an operand.
    pub(super) fn past_comma(&self, mut end: u32) -> PastComma {
        let mut has_comma = false;
        loop {
            let at = self.skip(end);
            match self.byte(at) {
                Some(b')') if !has_comma => end = at + 1,
                Some(b',') if !has_comma => {
                    end = at + 1;
                    has_comma = true;
                }
                _ => return PastComma { end, has_comma },
            }
        }
    }

    /// The identifier that starts at `at`.
    pub(super) fn word_at(&self, at: u32) -> Span {
        let rest = self.text.as_bytes().get(at as usize..).unwrap_or_default();
        let len = rest.iter().take_while(|&&byte| is_word(byte)).count();
        Span::new(at, at + len as u32)
    }

    /// The identifier that ends at `end`.
    pub(super) fn word_before(&self, end: u32) -> Span {
        let head = self.text.as_bytes().get(..end as usize).unwrap_or_default();
        let len = head.iter().rev().take_while(|&&byte| is_word(byte)).count();
        Span::new(end - len as u32, end)
    }

    /// An identifier in normal form NFKC, as Python compares them.
    pub(super) fn name(&mut self, text: &str) -> Name {
        let text: Cow<'_, str> = match text.is_ascii() {
            true => text.into(),
            false => text.nfkc().collect::<String>().into(),
        };
        self.module.names.intern(&text)
    }

    pub(super) fn too_deep(&mut self, span: Span) {
        if self.errors.is_empty() {
            self.errors.push(SyntaxError {
                message: TOO_DEEP.into(),
                span: char_at(self.text, span.start),
            });
        }
    }
}

pub(super) struct PastComma {
    pub(super) end: u32,
    pub(super) has_comma: bool,
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
