//! How to mend a finding: what a rule asks for, and the edits that do it.
//!
//! A rule knows the program and no syntax, so it gives a [`Remedy`]: what should become of which places. The stage
//! [`fix`](crate::fix) writes it as a [`Fix`], or leaves it when the text around does not allow it.

use serde::{Deserialize, Serialize};

use crate::base::Span;

/// Whether a fix keeps what the program does, the leak aside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Safety {
    /// It does, by all that the file shows.
    Safe,
    /// It may not: somebody should look at it.
    Unsafe,
}

impl Safety {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// A replacement of bytes in the decoded text of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Edit {
    /// What goes; empty where something is only put in.
    pub span: Span,
    /// What comes.
    pub text: String,
}

impl Edit {
    /// Puts a text in.
    #[must_use]
    pub fn insert(at: u32, text: impl Into<String>) -> Self {
        Self {
            span: Span::new(at, at),
            text: text.into(),
        }
    }

    /// Puts a text in another's place.
    #[must_use]
    pub fn replace(start: u32, end: u32, text: impl Into<String>) -> Self {
        Self {
            span: Span::new(start, end),
            text: text.into(),
        }
    }
}

/// A change of the file that a finding's primary place is in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fix {
    /// What it does: lower-case, without a final period.
    pub title: String,
    /// Whether it may be made unseen.
    pub safety: Safety,
    /// Its edits, in order and apart from each other.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// A fix with its edits in order.
    #[must_use]
    pub fn new(title: impl Into<String>, safety: Safety, mut edits: Vec<Edit>) -> Self {
        edits.sort();
        Self {
            title: title.into(),
            safety,
            edits,
        }
    }

    /// From the first byte that changes to past the last.
    #[must_use]
    pub fn span(&self) -> Span {
        let spans = self.edits.iter().map(|it| it.span);
        spans.reduce(Span::cover).unwrap_or_default()
    }

    /// All edits as one, for readers that take one replacement.
    #[must_use]
    pub fn whole(&self, text: &str) -> Edit {
        let span = self.span();
        let mut whole = String::new();
        let mut done = span.start;
        for edit in &self.edits {
            whole.push_str(
                text.get(done as usize..edit.span.start as usize)
                    .unwrap_or(""),
            );
            whole.push_str(&edit.text);
            done = edit.span.end;
        }
        Edit { span, text: whole }
    }
}

/// What a rule asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Remedy {
    /// A `with` statement around what uses a resource.
    With(With),
    /// A cache for each instance in place of one for the class.
    CachePerInstance {
        /// The decorator, without its `@`.
        decorator: Span,
        /// The method's name where it is defined.
        method: Span,
    },
    /// A finalizer that calls what it needs and not a method of its own object.
    FinalizerOfPart {
        /// The bound method that is passed.
        callback: Span,
        /// The name of that method where it is defined, in the same file.
        method: Span,
        /// Attributes that the object has by then, and that nothing else assigns.
        settled: Vec<String>,
    },
}

/// What a `with` statement needs to know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct With {
    /// The call that opens the resource.
    pub call: Span,
    /// Whether `with` releases it; if not, `contextlib.closing` does.
    pub closes: bool,
    /// What its elements are made of when it is iterated: values that do not refer to it.
    pub has_plain_elements: bool,
    /// Calls of the same function, and where what they are given can go.
    pub calls: Vec<(Span, Flow)>,
    /// Whether the same type is opened whatever happens.
    pub safety: Safety,
}

/// Where a call's arguments, and the object whose method it is, can go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// Where its arguments go.
    pub arguments: Hold,
    /// Whether the result of a method refers to the object.
    pub receiver: Hold,
}

/// Who holds a value after a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Hold {
    /// Nobody.
    Nobody,
    /// The result.
    Result,
    /// Perhaps somebody else.
    Somebody,
}
