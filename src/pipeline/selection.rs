//! Which rules run, and which of their findings are shown, by file.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{Error, severity_of};
use crate::base::LineCol;
use crate::catalog::RuleMeta;
use crate::config::{Config, Level, Pattern, Source, nearest};
use crate::discover::{Discovered, SourcePath};
use crate::finding::{Confidence, Finding, Severity};
use crate::report::{Notice, NoticeKind};
use crate::rules;

/// Which rules run and which findings are shown, by the settings of each root.
pub(super) struct Selection {
    /// Of the deepest roots first.
    by_root: Vec<(PathBuf, Part)>,
    other: Part,
}

/// What one root's settings say.
struct Part {
    select: Option<Vec<String>>,
    ignore: Vec<String>,
    level: Severity,
    confidence: Confidence,
    per_file: Vec<Ignore>,
    /// The most general selectors first.
    severity: Vec<(String, Severity)>,
    /// The later counts.
    overrides: Vec<FileOverride>,
    report_tests: bool,
    report_vendored: bool,
}

/// Rules to ignore in some files.
struct Ignore {
    files: Files,
    rules: Vec<String>,
    /// As written, and where; none when a file that several projects extend says so.
    told: Option<(String, Source)>,
}

/// What is different for some files.
struct FileOverride {
    files: Vec<Files>,
    select: Option<Vec<String>>,
    ignore: Vec<String>,
    level: Option<Severity>,
    confidence: Option<Confidence>,
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
        let mut by_root = Vec::with_capacity(config.by_root.len());
        for (root, its) in &config.by_root {
            by_root.push((root.clone(), Part::new(its)?));
        }
        by_root.sort_by_key(|it| std::cmp::Reverse(it.0.components().count()));
        let other = Part::new(config)?;
        Ok(Self { by_root, other })
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        let of_roots = self.by_root.iter().map(|it| &it.1);
        of_roots.chain(std::iter::once(&self.other))
    }

    fn of(&self, file: &SourcePath) -> &Part {
        let mut roots = self.by_root.iter();
        let holding = roots.find(|it| file.path.starts_with(&it.0));
        holding.map_or(&self.other, |it| &it.1)
    }

    /// Whether a rule runs, in some file at least.
    pub(super) fn wants(&self, meta: &RuleMeta) -> bool {
        self.parts().any(|it| it.wants(meta))
    }

    /// Whether a rule has its say in a file.
    pub(super) fn wants_in(&self, meta: &RuleMeta, file: &SourcePath) -> bool {
        self.of(file).wants_in(meta, file)
    }

    /// Gives a finding the severity that the settings say.
    pub(super) fn with_severity(&self, finding: Finding, file: &SourcePath) -> Finding {
        self.of(file).with_severity(finding, file)
    }

    /// Whether a finding of this severity and confidence, as reports name them, would be shown.
    pub(super) fn shows_grade(&self, severity: &str, confidence: &str) -> bool {
        self.parts().any(|it| it.shows_grade(severity, confidence))
    }

    /// Copies of other people's code and generated files are read, not reported on; of tests only errors are.
    pub(super) fn shows(&self, finding: &Finding, file: &SourcePath, is_generated: bool) -> bool {
        self.of(file).shows(finding, file, is_generated)
    }

    /// Entries of `per-file-ignores` that no finding answers to, of projects that were read as a whole.
    pub(super) fn useless_ignores(&self, all: &[Finding], discovered: &Discovered) -> Vec<Notice> {
        let mut useless = Vec::new();
        for part in self.parts() {
            for it in &part.per_file {
                let Some((glob, Source::File { path, line })) = &it.told else {
                    continue;
                };
                let is_read = it.files.base.starts_with(&discovered.project_root)
                    && discovered
                        .tops
                        .iter()
                        .any(|top| it.files.base.starts_with(top));
                let mut named = rules::metas().iter().filter(|meta| names(&it.rules, meta));
                let is_judged =
                    is_read && named.all(|meta| !meta.is_about_comments() && part.wants(meta));
                let is_used = || {
                    all.iter().any(|finding| {
                        let file = &discovered.files[finding.primary.file.index()];
                        names(&it.rules, finding.rule) && it.files.contains(&file.path)
                    })
                };
                if !is_judged || is_used() {
                    continue;
                }
                let inside = path.strip_prefix(&discovered.project_root).unwrap_or(path);
                useless.push(Notice {
                    kind: NoticeKind::Info,
                    path: Some(inside.to_string_lossy().replace('\\', "/")),
                    line_col: Some(LineCol {
                        line: *line,
                        column: 1,
                    }),
                    cell: None,
                    message: format!(
                        "`per-file-ignores`: nothing in `{glob}` is found by {}",
                        it.rules.join(", ")
                    ),
                });
            }
        }
        useless.sort_by(|a, b| {
            (&a.path, a.line_col, &a.message).cmp(&(&b.path, b.line_col, &b.message))
        });
        useless.dedup();
        useless
    }
}

impl Part {
    fn new(config: &Config) -> Result<Self, Error> {
        let select = config.select.value.clone();
        let ignore = config.ignore.value.clone();
        let per_file = &config.per_file_ignores;
        let lists = [
            (select.as_deref().unwrap_or_default(), &config.select.from),
            (&ignore, &config.ignore.from),
        ];
        for (selectors, from) in lists
            .into_iter()
            .chain(per_file.iter().map(|it| (&*it.value.rules, &it.from)))
        {
            known(selectors, from)?;
        }
        for (name, level) in &config.severity {
            known(std::slice::from_ref(name), &level.from)?;
        }
        for it in &config.overrides {
            known(it.value.select.as_deref().unwrap_or_default(), &it.from)?;
            known(&it.value.ignore, &it.from)?;
            for (name, _) in &it.value.severity {
                known(std::slice::from_ref(name), &it.from)?;
            }
        }
        let per_file = per_file
            .iter()
            .map(|it| {
                let is_own = match &it.from {
                    Source::File { path, .. } => {
                        config.files.first().is_some_and(|it| **it == **path)
                    }
                    Source::Default | Source::CommandLine => false,
                };
                Ok(Ignore {
                    files: Files::new(&it.value.files)?,
                    rules: it.value.rules.clone(),
                    told: is_own.then(|| (it.value.files.glob.clone(), it.from.clone())),
                })
            })
            .collect::<Result<_, Error>>()?;
        let severity = by_generality(config.severity.iter().map(|it| (&it.0, it.1.value)));
        let overrides = config
            .overrides
            .iter()
            .map(|it| {
                let it = &it.value;
                let files = it.files.iter().map(Files::new).collect::<Result<_, _>>()?;
                Ok(FileOverride {
                    files,
                    select: it.select.clone(),
                    ignore: it.ignore.clone(),
                    level: it.level.map(severity_of),
                    confidence: it.confidence.map(confidence_of),
                    severity: by_generality(it.severity.iter().map(|it| (&it.0, it.1))),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            select,
            ignore,
            level: severity_of(config.level.value),
            confidence: confidence_of(config.confidence.value),
            per_file,
            severity,
            overrides,
            report_tests: config.report_tests.value,
            report_vendored: config.report_vendored.value,
        })
    }

    /// Whether a rule runs, in some file at least.
    fn wants(&self, meta: &RuleMeta) -> bool {
        let selects = |it: &FileOverride| it.select.as_ref().is_some_and(|it| names(it, meta));
        self.wants_mostly(meta) || self.overrides.iter().any(selects)
    }

    fn wants_mostly(&self, meta: &RuleMeta) -> bool {
        self.select.as_ref().is_none_or(|it| names(it, meta)) && !names(&self.ignore, meta)
    }

    /// Whether a rule has its say in a file.
    fn wants_in(&self, meta: &RuleMeta, file: &SourcePath) -> bool {
        let mut is_wanted = self.wants_mostly(meta);
        for it in self.overrides_of(file) {
            if let Some(select) = &it.select {
                is_wanted = names(select, meta);
            }
            is_wanted &= !names(&it.ignore, meta);
        }
        is_wanted
            && !self
                .per_file
                .iter()
                .any(|it| names(&it.rules, meta) && it.files.contains(&file.path))
    }

    fn overrides_of<'a>(
        &'a self,
        file: &'a SourcePath,
    ) -> impl DoubleEndedIterator<Item = &'a FileOverride> {
        self.overrides
            .iter()
            .filter(|it| it.files.iter().any(|it| it.contains(&file.path)))
    }

    /// Gives a finding the severity that the settings say.
    fn with_severity(&self, mut finding: Finding, file: &SourcePath) -> Finding {
        let inner = self.overrides_of(file).rev();
        let mut lists = inner.map(|it| &it.severity).chain([&self.severity]);
        let severity = lists.find_map(|list| {
            let mut most_special_first = list.iter().rev();
            most_special_first.find(|(name, _)| finding.rule.matches(name))
        });
        if let Some((_, severity)) = severity {
            finding.severity = *severity;
        }
        finding
    }

    /// Whether a finding of this severity and confidence, as reports name them, would be shown.
    fn shows_grade(&self, severity: &str, confidence: &str) -> bool {
        let severities = [Severity::Info, Severity::Warning, Severity::Error];
        let confidences = [Confidence::Low, Confidence::Medium, Confidence::High];
        severities
            .iter()
            .any(|it| it.name() == severity && *it >= self.level)
            && confidences
                .iter()
                .any(|it| it.name() == confidence && *it >= self.confidence)
    }

    /// Copies of other people's code and generated files are read, not reported on; of tests only errors are.
    fn shows(&self, finding: &Finding, file: &SourcePath, is_generated: bool) -> bool {
        let mut level = self.level;
        let mut confidence = self.confidence;
        if file.is_test && !self.report_tests {
            level = Severity::Error;
        }
        for it in self.overrides_of(file) {
            level = it.level.unwrap_or(level);
            confidence = it.confidence.unwrap_or(confidence);
        }
        finding.severity >= level
            && finding.confidence >= confidence
            && (!file.is_vendored || self.report_vendored)
            && !is_generated
    }
}

/// Whether all selectors name rules.
fn known(selectors: &[String], from: &Source) -> Result<(), Error> {
    let metas = rules::metas();
    let is_unknown = |it: &&String| !metas.iter().any(|meta| meta.matches(it));
    let Some(selector) = selectors.iter().find(is_unknown) else {
        return Ok(());
    };
    let words = metas.iter().flat_map(|it| [&*it.code, &*it.name]);
    Err(Error::UnknownRule {
        selector: selector.clone(),
        at: match from {
            Source::File { .. } => format!("{from}: "),
            Source::Default | Source::CommandLine => String::new(),
        },
        hint: nearest(selector, words)
            .map_or_else(String::new, |it| format!("did you mean `{it}`? ")),
    })
}

fn names(selectors: &[String], meta: &RuleMeta) -> bool {
    selectors.iter().any(|it| meta.matches(it))
}

/// The selectors that name the most rules first.
fn by_generality<'a>(levels: impl Iterator<Item = (&'a String, Level)>) -> Vec<(String, Severity)> {
    let mut severity: Vec<_> = levels
        .map(|(name, level)| (name.clone(), severity_of(level)))
        .collect();
    severity.sort_by_key(|(name, _)| {
        let metas = rules::metas().iter();
        std::cmp::Reverse(metas.filter(|it| it.matches(name)).count())
    });
    severity
}

fn confidence_of(confidence: crate::config::Confidence) -> Confidence {
    match confidence {
        crate::config::Confidence::Low => Confidence::Low,
        crate::config::Confidence::Medium => Confidence::Medium,
        crate::config::Confidence::High => Confidence::High,
    }
}
