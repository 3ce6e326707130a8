//! Which rules run, and which of their findings are shown, by file.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{Error, severity_of};
use crate::catalog::RuleMeta;
use crate::config::{Config, Pattern};
use crate::discover::SourcePath;
use crate::finding::{Confidence, Finding, Severity};
use crate::rules;

/// Which rules run and which findings are shown.
pub(super) struct Selection {
    select: Option<Vec<String>>,
    ignore: Vec<String>,
    level: Severity,
    confidence: Confidence,
    per_file: Vec<(Files, Vec<String>)>,
    /// The most general selectors first.
    severity: Vec<(String, Severity)>,
}

/// The files that a glob of the settings means.
struct Files {
    base: PathBuf,
    set: GlobSet,
}

impl Files {
    fn new(pattern: &Pattern) -> Result<Self, Error> {
        let glob = &pattern.glob;
        let bad = |error: globset::Error| Error::Pattern {
            glob: glob.clone(),
            message: error.kind().to_string(),
        };
        let mut set = GlobSetBuilder::new();
        for pattern in [
            glob.clone(),
            format!("**/{glob}"),
            format!("{}/**", glob.trim_end_matches('/')),
        ] {
            set.add(
                GlobBuilder::new(&pattern)
                    .literal_separator(true)
                    .build()
                    .map_err(bad)?,
            );
        }
        let base = match pattern.base.as_os_str().is_empty() {
            true => Path::new("."),
            false => &pattern.base,
        };
        Ok(Self {
            base: std::fs::canonicalize(base).unwrap_or_else(|_| base.to_owned()),
            set: set.build().map_err(bad)?,
        })
    }

    fn contains(&self, path: &Path) -> bool {
        path.strip_prefix(&self.base)
            .is_ok_and(|it| self.set.is_match(it))
    }
}

impl Selection {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let select = config.select.value.clone();
        let ignore = config.ignore.value.clone();
        let per_file = &config.per_file_ignores;
        let all = (select.iter().flatten().chain(&ignore))
            .chain(per_file.iter().flat_map(|it| &it.value.rules))
            .chain(config.severity.iter().map(|it| &it.0));
        for selector in all {
            if !rules::metas().iter().any(|it| it.matches(selector)) {
                return Err(Error::UnknownRule(selector.clone()));
            }
        }
        let per_file = per_file
            .iter()
            .map(|it| Ok((Files::new(&it.value.files)?, it.value.rules.clone())))
            .collect::<Result<_, Error>>()?;
        let mut severity: Vec<_> = config
            .severity
            .iter()
            .map(|(name, level)| (name.clone(), severity_of(level.value)))
            .collect();
        severity.sort_by_key(|(name, _)| {
            let metas = rules::metas().iter();
            std::cmp::Reverse(metas.filter(|it| it.matches(name)).count())
        });
        Ok(Self {
            select,
            ignore,
            level: severity_of(config.level.value),
            confidence: match config.confidence.value {
                crate::config::Confidence::Low => Confidence::Low,
                crate::config::Confidence::Medium => Confidence::Medium,
                crate::config::Confidence::High => Confidence::High,
            },
            per_file,
            severity,
        })
    }

    /// Whether a rule runs.
    pub(super) fn wants(&self, meta: &RuleMeta) -> bool {
        self.select
            .as_ref()
            .is_none_or(|it| it.iter().any(|s| meta.matches(s)))
            && !self.ignore.iter().any(|s| meta.matches(s))
    }

    /// Whether a rule has its say in a file.
    pub(super) fn wants_in(&self, meta: &RuleMeta, file: &SourcePath) -> bool {
        !self.per_file.iter().any(|(files, rules)| {
            rules.iter().any(|it| meta.matches(it)) && files.contains(&file.path)
        })
    }

    /// Gives a finding the severity that the settings say.
    pub(super) fn with_severity(&self, mut finding: Finding) -> Finding {
        let all = self.severity.iter().rev();
        if let Some((_, severity)) = all.clone().find(|(name, _)| finding.rule.matches(name)) {
            finding.severity = *severity;
        }
        finding
    }

    /// Copies of other people's code and generated files are read, not reported on; of tests only errors are.
    pub(super) fn shows(&self, finding: &Finding, file: &SourcePath, is_generated: bool) -> bool {
        finding.severity >= self.level
            && finding.confidence >= self.confidence
            && !file.is_vendored
            && !is_generated
            && (!file.is_test || finding.severity == Severity::Error)
    }
}
