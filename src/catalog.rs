//! What the rule pages of `rules/` say, as values.
//!
//! A page opens with a TOML fence of metadata; the rest is the manual, with programs that run as tests
//! (`tests/rule_docs.rs`). Pages are embedded by the rules themselves, so a rule without a page does not compile.

use serde::Deserialize;

use crate::finding::{Confidence, Severity};

/// What a rule page says in its head.
#[derive(Clone, Debug)]
pub struct RuleMeta {
    /// Stable code: `HL101`.
    pub code: String,
    /// Kebab-case name.
    pub name: String,
    /// One lower-case sentence.
    pub summary: String,
    /// How bad its findings are, unless a finding says otherwise.
    pub severity: Severity,
    /// How sure its findings are, unless a finding says otherwise.
    pub confidence: Confidence,
    /// The version that brought it.
    pub since: String,
    /// Rows of the measured truth that it rests on.
    pub truth: Vec<String>,
    /// Tags for code scanning.
    pub tags: Vec<String>,
    /// The whole page.
    pub page: &'static str,
}

impl RuleMeta {
    /// The page without its head and its drawings, which only the repository shows.
    #[must_use]
    pub fn manual(&self) -> String {
        let text = split(self.page).map_or(self.page, |it| it.1);
        let mut manual = String::with_capacity(text.len());
        let mut lines = text.split_inclusive('\n');
        while let Some(line) = lines.next() {
            if line.starts_with("![") {
                // With the blank line below it.
                lines.next();
            } else {
                manual.push_str(line);
            }
        }
        manual
    }

    /// Whether it judges comments of ours instead of the program.
    #[must_use]
    pub fn is_about_comments(&self) -> bool {
        self.code.starts_with("HL9")
    }

    /// Where the page can be read.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://heaplint.dev/rules/{}", self.name)
    }

    /// Whether a selector names this rule: its code, its family (`HL1`, `HL`), its name, or `ALL`.
    #[must_use]
    pub fn matches(&self, selector: &str) -> bool {
        selector.eq_ignore_ascii_case("ALL")
            || selector == self.name
            || selector.len() >= 2 && self.code.starts_with(&selector.to_ascii_uppercase())
    }
}

/// A page that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("rule page: {0}")]
pub struct CatalogError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    code: String,
    name: String,
    summary: String,
    severity: String,
    confidence: String,
    since: String,
    truth: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Reads the head of a page.
///
/// # Errors
/// When the head is absent or not well-formed.
pub fn parse(page: &'static str) -> Result<RuleMeta, CatalogError> {
    let (head, _) =
        split(page).ok_or_else(|| CatalogError("no ```toml fence at the top".to_owned()))?;
    let head: Head = toml::from_str(head).map_err(|it| CatalogError(it.to_string()))?;
    let severity = match head.severity.as_str() {
        "info" => Severity::Info,
        "warning" => Severity::Warning,
        "error" => Severity::Error,
        other => {
            return Err(CatalogError(format!(
                "{}: unknown severity `{other}`",
                head.name
            )));
        }
    };
    let confidence = match head.confidence.as_str() {
        "low" => Confidence::Low,
        "medium" => Confidence::Medium,
        "high" => Confidence::High,
        other => {
            return Err(CatalogError(format!(
                "{}: unknown confidence `{other}`",
                head.name
            )));
        }
    };
    Ok(RuleMeta {
        code: head.code,
        name: head.name,
        summary: head.summary,
        severity,
        confidence,
        since: head.since,
        truth: head.truth,
        tags: head.tags,
        page,
    })
}

fn split(page: &'static str) -> Option<(&'static str, &'static str)> {
    page.trim_start()
        .strip_prefix("```toml\n")?
        .split_once("\n```")
}
