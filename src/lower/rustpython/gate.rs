//! Refuses text whose tree would be too deep to be freed, by its tokens.

use rustpython_parser::Tok;
use rustpython_parser::lexer::{LexResult, LexicalError, LexicalErrorType};

use super::TOO_DEEP;
use crate::limits::MAX_PARSER_DEPTH;

/// Passes tokens on and ends with an error when the tree they make could be deeper than [`MAX_PARSER_DEPTH`].
///
/// Counts, per open bracket, the tokens that can put one node under another. A comma ends an operand, so it takes back
/// the count of its bracket, except for `lambda`s, whose parameters have commas of their own.
pub(super) struct DepthGate<I> {
    tokens: I,
    levels: Vec<Level>,
    total: usize,
    elifs: usize,
}

#[derive(Default)]
struct Level {
    operators: usize,
    lambdas: usize,
}

impl<I> DepthGate<I> {
    pub(super) fn new(tokens: I) -> Self {
        Self {
            tokens,
            levels: vec![Level::default()],
            total: 0,
            elifs: 0,
        }
    }

    fn add(&mut self, operators: usize, lambdas: usize) {
        self.total += operators + lambdas;
        if let Some(level) = self.levels.last_mut() {
            level.operators += operators;
            level.lambdas += lambdas;
        }
    }

    fn count(&mut self, token: &Tok) {
        match token {
            Tok::Lpar | Tok::Lsqb | Tok::Lbrace => {
                self.add(1, 0);
                self.levels.push(Level::default());
            }
            Tok::Rpar | Tok::Rsqb | Tok::Rbrace => {
                if self.levels.len() > 1
                    && let Some(closed) = self.levels.pop()
                {
                    self.total -= closed.operators + closed.lambdas;
                }
            }
            Tok::Comma => {
                if let Some(level) = self.levels.last_mut() {
                    self.total -= level.operators;
                    level.operators = 0;
                }
            }
            Tok::Newline | Tok::Semi => {
                self.levels.truncate(1);
                self.levels[0] = Level::default();
                self.total = 0;
            }
            Tok::Elif => self.elifs += 1,
            Tok::Lambda => self.add(0, 1),
            Tok::Plus
            | Tok::Minus
            | Tok::Star
            | Tok::Slash
            | Tok::Vbar
            | Tok::Amper
            | Tok::Percent
            | Tok::Dot
            | Tok::Tilde
            | Tok::CircumFlex
            | Tok::LeftShift
            | Tok::RightShift
            | Tok::DoubleStar
            | Tok::DoubleSlash
            | Tok::At
            | Tok::ColonEqual
            | Tok::Not
            | Tok::Await
            | Tok::Yield
            | Tok::If => self.add(1, 0),
            Tok::String { value, kind, .. }
                if kind.is_any_fstring() && value.len() > MAX_PARSER_DEPTH =>
            {
                let marks = value.bytes().filter(|b| !b.is_ascii_alphanumeric()).count();
                self.add(marks, 0);
            }
            _ => {}
        }
    }
}

impl<I: Iterator<Item = LexResult>> Iterator for DepthGate<I> {
    type Item = LexResult;

    fn next(&mut self) -> Option<LexResult> {
        let next = self.tokens.next()?;
        if let Ok((token, range)) = &next {
            self.count(token);
            if self.total.max(self.elifs) > MAX_PARSER_DEPTH {
                return Some(Err(LexicalError {
                    error: LexicalErrorType::OtherError(TOO_DEEP.into()),
                    location: range.start(),
                }));
            }
        }
        Some(next)
    }
}
