//! `--output FORMAT[:PATH]`: which formats go where.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::report::{self, Format, Report, Style};

/// What is written of the heap, with the findings in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawn {
    /// The page.
    Page,
    /// Who holds what each finding is about, as trees.
    Trees,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Report(Format),
    Drawn(Drawn),
}

impl Form {
    /// Whether people read it on a terminal.
    fn is_for_people(self) -> bool {
        matches!(
            self,
            Self::Report(Format::Full | Format::Concise) | Self::Drawn(Drawn::Trees)
        )
    }
}

/// A format and where it goes.
pub(super) struct Output {
    form: Form,
    path: Option<PathBuf>,
}

impl Output {
    /// Reads the flags; none means `full` on standard output.
    pub(super) fn parse_all(words: &[String]) -> anyhow::Result<Vec<Self>> {
        if words.is_empty() {
            return Ok(vec![Self {
                form: Form::Report(Format::Full),
                path: None,
            }]);
        }
        let mut outputs = Vec::new();
        for word in words {
            let (name, path) = split(word);
            let form = match name {
                "html" => Form::Drawn(Drawn::Page),
                "tree" => Form::Drawn(Drawn::Trees),
                name => Form::Report(name.parse().with_context(|| format!("--output {word}"))?),
            };
            outputs.push(Self { form, path });
        }
        let on_stdout: Vec<_> = outputs.iter().filter(|it| it.path.is_none()).collect();
        let for_people = on_stdout
            .iter()
            .filter(|it| it.form.is_for_people())
            .count();
        if on_stdout.len() > 2 || on_stdout.len() == 2 && for_people != 1 {
            bail!(
                "--output: two formats on standard output; give one of them a path (FORMAT:PATH)"
            );
        }
        Ok(outputs)
    }

    /// Whether it goes to standard output and is not for people.
    pub(super) fn is_document(&self) -> bool {
        self.path.is_none() && !self.form.is_for_people()
    }

    /// Whether it needs the heap.
    pub(super) fn is_drawn(&self) -> bool {
        matches!(self.form, Form::Drawn(_))
    }

    /// Writes a report: to a buffer first, then at once; a file by way of a temporary one in its folder.
    pub(super) fn write(
        &self,
        report: &Report<'_>,
        style: &Style,
        draw: impl FnOnce(Drawn, &Style) -> String,
    ) -> anyhow::Result<()> {
        let style = &Style {
            color: style.color && self.path.is_none(),
            ..*style
        };
        let format = match self.form {
            Form::Report(format) => format,
            Form::Drawn(it) => {
                return deliver(self.path.as_deref(), draw(it, style).as_bytes());
            }
        };
        let mut buffer = Vec::new();
        report::write(format, report, style, &mut buffer)?;
        let is_added = format == Format::Markdown && self.path.as_deref().is_some_and(is_summary);
        match &self.path {
            Some(path) if is_added => append(path, &buffer)
                .with_context(|| format!("{} cannot be written", path.display())),
            path => deliver(path.as_deref(), &buffer),
        }
    }
}

/// Whether a path is the summary of a GitHub job, to which each step adds.
fn is_summary(path: &Path) -> bool {
    std::env::var_os("GITHUB_STEP_SUMMARY").is_some_and(|it| Path::new(&it) == path)
}

fn append(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options
        .append(true)
        .create(true)
        .open(path)?
        .write_all(bytes)
}

/// `FORMAT[:PATH]`, split at the first colon; no path and `-` are standard output.
pub(super) fn split(word: &str) -> (&str, Option<PathBuf>) {
    match word.split_once(':') {
        Some((name, path)) if !path.is_empty() && path != "-" => (name, Some(PathBuf::from(path))),
        Some((name, _)) => (name, None),
        None => (word, None),
    }
}

/// Writes to a file, or to standard output.
pub(super) fn deliver(path: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    match path {
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()?;
        }
        Some(path) => {
            replace(path, bytes).with_context(|| format!("{} cannot be written", path.display()))?
        }
    }
    Ok(())
}

/// Writes a file in one step: a reader sees the old report or the new one. A link is written through, and what is no
/// file (a device, a pipe) is written to where it stands, never replaced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let real = path.canonicalize();
    let path = real.as_deref().unwrap_or(path);
    if path.metadata().is_ok_and(|it| !it.is_file()) {
        let mut out = std::fs::OpenOptions::new().write(true).open(path)?;
        out.write_all(bytes)?;
        return out.flush();
    }
    let folder = path
        .parent()
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .map_or_else(|| "report".into(), |it| it.to_string_lossy().into_owned());
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}
