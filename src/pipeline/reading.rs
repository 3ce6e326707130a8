//! Files down to their facts, each alone: from the cache, or read, lowered and collected.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;

use super::Progress;
use super::workers::{Outcome, Workers};
use crate::cache::{Cache, Key};
use crate::config::{Config, Parser};
use crate::discover::{FileKind, SourcePath};
use crate::facts::collect::collect_for;
use crate::facts::model::FileFacts;
use crate::limits::{FILE_SECONDS, FILE_SECONDS_PER_MEGABYTE};
use crate::link::FileInput;
use crate::lower::{Door, recycle};
use crate::models::Models;
use crate::notebook::NotebookError;
use crate::report::{Notice, NoticeKind};
use crate::source::{self, Overlay, SourceError};

/// What a file says, and what is to be told of it.
pub(super) type Read = (FileFacts, Vec<Notice>);

/// How files are read down to their facts: what facts depend on besides the file.
pub(super) struct Reading {
    door: Door,
    /// Names of openers that the settings teach.
    openers: FxHashSet<String>,
    /// The same, sorted.
    sorted: Vec<String>,
    overlay: Overlay,
}

impl Reading {
    pub(super) fn of(config: &Config, models: &Models, overlay: &Overlay) -> Arc<Self> {
        let openers = models.taught_openers().clone();
        let mut sorted: Vec<String> = openers.iter().cloned().collect();
        sorted.sort_unstable();
        Arc::new(Self {
            door: door(config),
            openers,
            sorted,
            overlay: overlay.clone(),
        })
    }

    /// What the facts of a file are kept under.
    pub(super) fn key(&self, bytes: &[u8], kind: FileKind) -> Key {
        let how = [kind as u8, self.door as u8];
        let mut parts: Vec<&[u8]> = vec![b"facts", &how, bytes];
        parts.extend(self.sorted.iter().map(|it| it.as_bytes()));
        Key::of(&parts)
    }
}

/// Facts that earlier runs kept, and what those of each file are kept under.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) cache: Arc<Cache>,
    pub(super) keys: Arc<Vec<Key>>,
}

fn door(config: &Config) -> Door {
    match config.parser.value {
        Parser::Auto => Door::Auto,
        Parser::Rustpython => Door::Rustpython,
        Parser::Ruff => Door::Ruff,
    }
}

/// Reads every file down to its facts, largest first, so that the last one to finish is a small one.
pub(super) fn collect(
    files: &mut Vec<SourcePath>,
    reading: &Arc<Reading>,
    kept: Option<Kept>,
    workers: &mut Workers,
    progress: Progress<'_>,
) -> Vec<Read> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&it| (std::cmp::Reverse(files[it].size), it));
    // A thread that never ends has them for ever.
    let shared = Arc::new(mem::take(files));
    let (its, reading) = (shared.clone(), reading.clone());
    let work = move |at: usize| {
        let cache = kept.as_ref().map(|it| (&*it.cache, it.keys[at]));
        collect_file(&its[at], &reading, cache)
    };
    let patience = |at: usize| patience(shared[at].size);
    let mut outcomes = workers.each(order, patience, work, progress);
    outcomes.sort_by_key(|it| it.0);
    let read = outcomes.into_iter().map(|(at, outcome)| {
        let (kind, message) = match outcome {
            Outcome::Done(read) => return read,
            Outcome::Failed => (
                NoticeKind::Internal,
                "the analysis of this file failed; please report this".to_owned(),
            ),
            Outcome::GivenUp => (
                NoticeKind::Unreadable,
                format!(
                    "given up after {} seconds; please report this",
                    patience(at).as_secs()
                ),
            ),
        };
        let notice = notice(&shared[at], kind, message);
        (FileFacts::default(), vec![notice])
    });
    let read = read.collect();
    *files = Arc::unwrap_or_clone(shared);
    read
}

fn notice(file: &SourcePath, kind: NoticeKind, message: String) -> Notice {
    Notice {
        kind,
        path: Some(file.display.clone()),
        line_col: None,
        cell: None,
        message,
    }
}

/// What link is told of the files, and what people are.
pub(super) fn inputs(
    files: &[SourcePath],
    collected: impl IntoIterator<Item = Read>,
) -> (Vec<FileInput>, Vec<Notice>) {
    let mut notices = Vec::new();
    let mut inputs = Vec::with_capacity(files.len());
    for (file, (facts, its_notices)) in files.iter().zip(collected) {
        notices.extend(its_notices);
        let long = (file.dotted_from_root != file.module).then(|| file.dotted_from_root.clone());
        inputs.push(FileInput {
            facts,
            path: file.display.clone(),
            module: file.module.clone(),
            long_module: long.filter(|it| !it.is_empty()),
            is_package: file.path.file_name().is_some_and(|it| it == "__init__.py"),
            is_apart: file.kind == FileKind::Notebook,
            is_stub: file.kind == FileKind::Stub,
            root: file.package_root,
            is_test: file.is_test,
            is_vendored: file.is_vendored,
        });
    }
    (inputs, notices)
}

fn collect_file(file: &SourcePath, reading: &Reading, cache: Option<(&Cache, Key)>) -> Read {
    if let Some((cache, key)) = cache
        && let Some((facts, mut notices)) = cache.get::<Read>(key)
    {
        for it in &mut notices {
            it.path = Some(file.display.clone());
        }
        return (facts, notices);
    }
    // What is read now may have changed since it was hashed: then it is kept under its own key.
    let read = source::bytes(file, &reading.overlay).and_then(|bytes| {
        let key = cache.map(|(cache, _)| (cache, reading.key(&bytes, file.kind)));
        Ok((source::code(bytes, file.kind)?, key))
    });
    let (source, key) = match read {
        Ok(read) => read,
        Err(error) => {
            let kind = match error {
                SourceError::Notebook(NotebookError::Language(_)) => NoticeKind::Info,
                _ => NoticeKind::Unreadable,
            };
            let mut notice = notice(file, kind, error.to_string());
            notice.line_col = error.line_col();
            return (FileFacts::default(), vec![notice]);
        }
    };
    let facts = facts(&source, reading);
    let places = source.places(facts.errors.iter().map(|it| it.0.start));
    let errors = facts.errors.iter().zip(places);
    let notices = errors.map(|((_, message), (on_disk, cell))| Notice {
        line_col: Some(on_disk),
        cell,
        ..notice(file, NoticeKind::SyntaxError, message.to_string())
    });
    let notices: Vec<Notice> = notices.collect();
    let kept = (facts, notices);
    if let Some((cache, key)) = key {
        cache.put(key, &kept);
    }
    kept
}

/// How long a file of this length may take.
fn patience(size: u64) -> Duration {
    let seconds = match cfg!(test) {
        true => 10,
        false => FILE_SECONDS,
    };
    Duration::from_secs(seconds + size / 1_000_000 * FILE_SECONDS_PER_MEGABYTE)
}

fn facts(source: &source::Source, reading: &Reading) -> FileFacts {
    #[cfg(test)]
    tests::trip(&source.text);
    let lowered = source.lower(reading.door);
    let facts = collect_for(&source.text, &lowered, &reading.openers);
    recycle(lowered);
    facts
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::process::ExitCode;

    use tempfile::TempDir;

    const LEAK: &str = "def read(path):\n    f = open(path)\n    return f.read()\n";

    /// Fails in files that ask for it.
    pub(super) fn trip(text: &str) {
        if text.starts_with("# trip: panic") {
            panic!("as it should");
        }
        while text.starts_with("# trip: hang") {
            std::thread::sleep(super::Duration::from_millis(50));
        }
    }

    /// Checks files: how it ends, and what is found and told.
    fn check(files: &[(&str, &str)]) -> (ExitCode, serde_json::Value) {
        let folder = TempDir::with_prefix("trip").expect("a temporary folder");
        for (path, text) in files {
            fs::write(folder.path().join(path), text).expect("a file");
        }
        let report = folder.path().join("report.json");
        let mut output = OsString::from("json:");
        output.push(&report);
        let words = ["heaplint", "check", "--isolated", "--quiet", "-o"];
        let args = words.iter().map(OsString::from);
        let code = crate::cli::run(args.chain([output, folder.path().into()]));
        let text = fs::read_to_string(report).expect("a report");
        (code, serde_json::from_str(&text).expect("JSON"))
    }

    fn found(report: &serde_json::Value) -> Vec<&str> {
        let findings = report["findings"].as_array().expect("a list");
        findings
            .iter()
            .filter_map(|it| it["location"]["path"].as_str())
            .collect()
    }

    #[test]
    fn a_panic_in_one_file_is_named_and_the_rest_is_reported() {
        let panics = format!("# trip: panic\n{LEAK}");
        let files = [("a.py", LEAK), ("odd.py", &panics), ("z.py", LEAK)];
        let (code, report) = check(&files);
        assert_eq!(code, ExitCode::from(2));
        assert_eq!(found(&report), ["a.py", "z.py"]);
        let notices = report["notices"].to_string();
        assert!(notices.contains("odd.py"), "{notices}");
        assert!(
            notices.contains("the analysis of this file failed"),
            "{notices}"
        );
    }

    #[test]
    fn a_file_that_takes_for_ever_is_given_up_and_the_rest_is_reported() {
        let hangs = format!("# trip: hang\n{LEAK}");
        let files = [("a.py", LEAK), ("odd.py", &hangs), ("z.py", LEAK)];
        let (code, report) = check(&files);
        assert_eq!(code, ExitCode::from(1));
        assert_eq!(found(&report), ["a.py", "z.py"]);
        let notices = report["notices"].to_string();
        assert!(notices.contains("odd.py"), "{notices}");
        assert!(notices.contains("given up after 10 seconds"), "{notices}");
    }
}
