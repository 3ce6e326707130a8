//! What we say: a finding is plain data, built by a rule and printed by a report.

pub mod remedy;
pub mod suppress;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::base::{FileId, SourceMap, Span};
use crate::catalog::RuleMeta;
use remedy::{Fix, Remedy};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Severity {
    /// Bounded, stylistic, or churn.
    Info,
    /// Released only by luck, or lost on an exception path.
    Warning,
    /// Grows without bound, or is never released.
    Error,
}

impl Severity {
    /// As settings and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure we are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Confidence {
    /// It depends on what we cannot see.
    Low,
    /// Likely.
    Medium,
    /// Nearly certain.
    High,
}

impl Confidence {
    /// As settings and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What a labelled place means to the finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variants are the contract's own words")]
pub enum Role {
    Root,
    Link,
    Definition,
    Growth,
    Acquire,
    Capture,
    Registration,
    Leak,
    Resource,
    Release,
}

impl Role {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Link => "link",
            Self::Definition => "definition",
            Self::Growth => "growth",
            Self::Acquire => "acquire",
            Self::Capture => "capture",
            Self::Registration => "registration",
            Self::Leak => "leak",
            Self::Resource => "resource",
            Self::Release => "release",
        }
    }
}

/// By what the retained memory grows.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[allow(missing_docs, reason = "the variants are the contract's own words")]
pub enum Growth {
    Bounded,
    PerCall,
    PerInstance,
    PerThread,
    PerLoop,
    #[default]
    Unknown,
}

impl Growth {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bounded => "bounded",
            Self::PerCall => "per-call",
            Self::PerInstance => "per-instance",
            Self::PerThread => "per-thread",
            Self::PerLoop => "per-loop",
            Self::Unknown => "unknown",
        }
    }
}

/// A place in a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// Where in it.
    pub span: Span,
}

/// A place that explains a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// What it means.
    pub role: Role,
    /// What to say there, at most 60 columns.
    pub text: String,
}

/// One step of the path from the root to what is held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What is held: `dict`, `Session`, `app.cache (module globals)`.
    pub node: String,
    /// By what it is held: `_CACHE`, `.rows`, `value`; empty for the root.
    pub edge: String,
    /// Where the holding is written.
    pub place: Option<Place>,
}

/// A finding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The rule. Kept beside a finding that is stored, see [`Stored`].
    #[serde(skip, default = "no_rule")]
    pub rule: &'static RuleMeta,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are.
    pub confidence: Confidence,
    /// One lower-case sentence without a final period.
    pub message: String,
    /// What to do.
    pub help: String,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// Where to point.
    pub primary: Place,
    /// Places that explain it, in the order of the path.
    pub labels: Vec<Label>,
    /// Who holds what, from the root.
    pub path: Vec<Step>,
    /// By what it grows.
    pub growth: Growth,
    /// Bytes of one object, or of one step of growth.
    pub self_bytes: Option<u64>,
    /// Bytes that one object, or one step of growth, keeps alive.
    pub retained_bytes: Option<u64>,
    /// The place's dotted name: `app.cache._CACHE`.
    pub symbol: String,
    /// Stable over moves within a file; see [`finish`].
    pub fingerprint: u64,
    /// Ranges of the primary place's file, in order, that can be taken out without changing the program.
    pub remove: Vec<Span>,
    /// What the rule would have changed.
    pub remedy: Option<Remedy>,
    /// The change, where the text allows it.
    pub fix: Option<Fix>,
}

/// A finding as it is stored: rules are known by their codes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    code: String,
    finding: Finding,
}

impl From<Finding> for Stored {
    fn from(finding: Finding) -> Self {
        Self {
            code: finding.rule.code.clone(),
            finding,
        }
    }
}

impl Stored {
    /// The finding, when its rule is one of these.
    #[must_use]
    pub fn finding(mut self, rules: &'static [RuleMeta]) -> Option<Finding> {
        self.finding.rule = rules.iter().find(|it| it.code == self.code)?;
        Some(self.finding)
    }
}

fn no_rule() -> &'static RuleMeta {
    static NONE: LazyLock<RuleMeta> = LazyLock::new(|| RuleMeta {
        code: String::new(),
        name: String::new(),
        summary: String::new(),
        severity: Severity::Info,
        confidence: Confidence::Low,
        since: String::new(),
        truth: Vec::new(),
        tags: Vec::new(),
        page: "",
    });
    &NONE
}

impl Finding {
    /// A finding of a rule, with the rule's own severity and confidence.
    #[must_use]
    pub fn new(rule: &'static RuleMeta, primary: Place, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            confidence: rule.confidence,
            message: message.into(),
            help: String::new(),
            notes: Vec::new(),
            primary,
            labels: Vec::new(),
            path: Vec::new(),
            growth: Growth::Unknown,
            self_bytes: None,
            retained_bytes: None,
            symbol: String::new(),
            fingerprint: 0,
            remove: Vec::new(),
            remedy: None,
            fix: None,
        }
    }

    /// Sets how bad it is.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Sets how sure we are.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Adds a place that explains it.
    #[must_use]
    pub fn label(mut self, place: Place, role: Role, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            place,
            role,
            text: text.into(),
        });
        self
    }

    /// Sets what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Adds what else is worth knowing.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a step to the path.
    #[must_use]
    pub fn step(
        mut self,
        node: impl Into<String>,
        edge: impl Into<String>,
        place: Option<Place>,
    ) -> Self {
        self.path.push(Step {
            node: node.into(),
            edge: edge.into(),
            place,
        });
        self
    }

    /// Adds steps to the path.
    #[must_use]
    pub fn path(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.path.extend(steps);
        self
    }

    /// Sets by what it grows.
    #[must_use]
    pub fn growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// Sets the bytes of one object (or step of growth), and what it keeps alive.
    #[must_use]
    pub fn bytes(mut self, own: Option<u64>, retained: Option<u64>) -> Self {
        self.self_bytes = own;
        self.retained_bytes = retained;
        self
    }

    /// Sets what can be taken out of the file.
    #[must_use]
    pub fn remove(mut self, ranges: Vec<Span>) -> Self {
        self.remove = ranges;
        self
    }

    /// Sets what should be changed, in the file of the primary place.
    #[must_use]
    pub fn remedy(mut self, remedy: Option<Remedy>) -> Self {
        self.remedy = remedy;
        self
    }

    /// Sets the place's dotted name.
    #[must_use]
    pub fn symbol(mut self, symbol: impl Into<String>) -> Self {
        self.symbol = symbol.into();
        self
    }
}

/// Puts findings in their order, drops repetitions and computes fingerprints. The texts of their files must be loaded.
///
/// A fingerprint is the 64-bit FNV-1a hash of code, path, symbol, edges of the path, the primary line without its blanks,
/// and an ordinal among equal ones in file order: no line number and no size, so that it survives moves within a file.
#[must_use]
pub fn finish(mut findings: Vec<Finding>, sources: &SourceMap) -> Vec<Finding> {
    findings.sort_by(|a, b| key(a, sources).cmp(&key(b, sources)));
    findings.dedup_by(|a, b| {
        a.rule.code == b.rule.code && a.primary == b.primary && a.message == b.message
    });
    let mut ordinals: HashMap<u64, u32> = HashMap::new();
    for finding in &mut findings {
        let file = sources.file(finding.primary.file);
        let line = line_text(finding, sources);
        let edges: Vec<&str> = finding.path.iter().map(|it| it.edge.as_str()).collect();
        let mut hash = Fnv::default();
        for part in [
            finding.rule.code.as_str(),
            &file.path,
            &finding.symbol,
            &edges.join(">"),
            &line,
        ] {
            hash.add(part.as_bytes());
            hash.add(&[0]);
        }
        let ordinal = ordinals.entry(hash.0).or_insert(0);
        hash.add(ordinal.to_string().as_bytes());
        *ordinal += 1;
        finding.fingerprint = hash.0;
    }
    findings
}

/// The text of a finding's primary line, blanks squeezed. The text of its file must be loaded.
pub(crate) fn line_text(finding: &Finding, sources: &SourceMap) -> String {
    let file = sources.file(finding.primary.file);
    let line = file.lines.line(finding.primary.span.start);
    let start = file.lines.start_of(line) as usize;
    let text = file.text.get(start..).unwrap_or("");
    let text = text.split(['\n', '\r']).next().unwrap_or("");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn key<'a>(finding: &'a Finding, sources: &'a SourceMap) -> (&'a str, u32, &'a str, &'a str) {
    let path = sources.file(finding.primary.file).path.as_str();
    (
        path,
        finding.primary.span.start,
        &finding.rule.code,
        &finding.message,
    )
}

/// 64-bit FNV-1a.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
