//! The programs of `fixtures/` get the findings that their comments ask for.
//!
//! What the markers mean stands in the README of each folder. A marker of a rule that is not written yet is skipped and
//! counted; quiet lines and good programs are always judged.

mod judge;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use heaplint::config::Level;
use heaplint::rules;
use judge::{Case, Differences, Known, Program, Seen, hidden, look};

/// Answers that are wrong today, by cause.
const KNOWN: &Known = &[(
    "nothing shows that the keys are many: names of a program's parts, plugins and options look the same",
    &[
        "lookalikes/identity_map_bad.py",
        "lookalikes/metrics_labels_bad",
        "lookalikes/named_filter_bad.py",
        "lookalikes/op_names_bad.py",
        "lookalikes/orm_identity_bad",
        "lookalikes/reencoded_bad.py",
    ],
)];

fn main() -> ExitCode {
    let mut cases = Vec::new();
    let mut skipped = 0;
    for entry in entries("articles") {
        articles(&entry, &mut cases);
    }
    for entry in entries("lookalikes") {
        lookalike(&entry, &mut cases, &mut skipped);
    }
    for entry in entries("projects") {
        lookalike(&entry, &mut cases, &mut skipped);
    }
    for entry in entries("needs") {
        needs(&entry, &mut cases, &mut skipped);
    }
    judge::run(
        cases,
        KNOWN,
        &format!("{skipped} markers of rules that are not written yet, "),
    )
}

/// A file, or a folder of modules.
struct Entry {
    /// `needs/r01_returned.py`.
    name: String,
    program: Program,
}

impl Entry {
    /// Every comment that begins with one of these words, with its file and line.
    fn markers(&self, words: &[&str]) -> Vec<Marker> {
        let mut markers = Vec::new();
        for (file, text) in &self.program.files {
            for (line, code) in (1..).zip(text.lines()) {
                let Some((_, comment)) = code.rsplit_once("# ") else {
                    continue;
                };
                let (word, what) = comment.split_once(' ').unwrap_or((comment, ""));
                if words.contains(&word) {
                    markers.push(Marker {
                        file: file.clone(),
                        line,
                        word: word.to_owned(),
                        what: what.trim().to_owned(),
                    });
                }
            }
        }
        markers
    }
}

#[derive(Clone)]
struct Marker {
    file: String,
    line: u32,
    word: String,
    what: String,
}

fn entries(folder: &str) -> Vec<Entry> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder);
    list(&root)
        .into_iter()
        .filter(|it| it.is_dir() || it.extension().is_some_and(|it| it == "py"))
        .map(|path| {
            let base = if path.is_dir() { &path } else { &root };
            let mut files = Vec::new();
            read(&path, base, &mut files);
            let stem = path.file_name().expect("listed").to_string_lossy();
            Entry {
                name: format!("{folder}/{stem}"),
                program: Program {
                    files,
                    target: None,
                    is_library: false,
                },
            }
        })
        .collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder of fixtures")
        .map(|it| it.expect("can be listed").path())
        .filter(|it| it.file_name().is_some_and(|it| it != "__pycache__"))
        .collect();
    paths.sort();
    paths
}

fn read(path: &Path, base: &Path, files: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for it in list(path) {
            read(&it, base, files);
        }
    } else if path.extension().is_some_and(|it| it == "py") {
        let inside = path.strip_prefix(base).expect("below its folder");
        let name: Vec<_> = inside.iter().map(|it| it.to_string_lossy()).collect();
        let text = std::fs::read_to_string(path).expect("a fixture is text");
        files.push((name.join("/"), text));
    }
}

fn has_rule(name_or_code: &str) -> bool {
    rules::metas()
        .iter()
        .any(|it| it.name == name_or_code || it.code == name_or_code)
}

/// `# expect: HL301 warning; 3.3: error`: one case for each version.
fn articles(entry: &Entry, cases: &mut Vec<Case>) {
    let markers = entry.markers(&["expect:"]);
    let mut versions = vec![None];
    for marker in &markers {
        for clause in marker.what.split("; ").skip(1) {
            let version = clause.split_once(": ").expect("`3.3: error`").0;
            versions.push(Some(version.to_owned()));
        }
    }
    for version in versions {
        let name = match &version {
            None => entry.name.clone(),
            Some(it) => format!("{} / {it}", entry.name),
        };
        let mut program = entry.program.clone();
        program.target.clone_from(&version);
        let markers = markers.clone();
        cases.push((
            name,
            Box::new(move || {
                let mut seen = look(&program, Level::Warning)?;
                let mut differences = Differences::default();
                for it in &markers {
                    let mut clauses = it.what.split("; ");
                    let first = clauses.next().expect("split gives one");
                    let (code, mut severity) = first.split_once(' ').expect("`HL101 error`");
                    for clause in clauses {
                        let (at, other) = clause.split_once(": ").expect("`3.3: error`");
                        if version.as_deref() == Some(at) {
                            severity = other;
                        }
                    }
                    let is_it = |s: &Seen| {
                        (&s.file, s.line) == (&it.file, it.line)
                            && s.code == code
                            && s.severity == severity
                    };
                    if let Some(at) = seen.iter().position(is_it) {
                        seen.remove(at);
                    } else if has_rule(code) {
                        let place = format!("{}:{}", it.file, it.line);
                        differences.add("missing", format!("{place}: {code} {severity}"));
                    }
                }
                seen.into_iter()
                    .for_each(|it| differences.add("too much", it));
                differences.verdict()
            }),
        ));
    }
}

/// `# FLAG rule-name`, and nothing else.
fn lookalike(entry: &Entry, cases: &mut Vec<Case>, skipped: &mut usize) {
    let mut markers = entry.markers(&["FLAG"]);
    let all = markers.len();
    markers.retain(|it| has_rule(&it.what));
    *skipped += all - markers.len();
    let program = entry.program.clone();
    cases.push((
        entry.name.clone(),
        Box::new(move || {
            let mut seen = look(&program, Level::Warning)?;
            let mut differences = Differences::default();
            for it in &markers {
                let is_it =
                    |s: &Seen| (&s.file, s.line) == (&it.file, it.line) && s.rule == it.what;
                if let Some(at) = seen.iter().position(is_it) {
                    seen.remove(at);
                } else {
                    let hint = hidden(&program, &it.file, it.line)?;
                    let place = format!("{}:{}", it.file, it.line);
                    differences.add("missing", format!("{place}: {}{hint}", it.what));
                }
            }
            seen.into_iter()
                .for_each(|it| differences.add("too much", it));
            differences.verdict()
        }),
    ));
}

/// Codes that answer a description; each may be the start of a family. Judged once the first of them is written.
const ANSWERS: &[(&str, &[&str])] = &[
    ("autograd", &["HL602"]),
    ("callback", &["HL501", "HL502", "HL101", "HL102", "HL103"]),
    ("client-churn", &["HL207"]),
    ("del-cycle", &["HL301"]),
    ("exc-path", &["HL208"]),
    ("exception", &["HL403"]),
    ("figure", &["HL601"]),
    ("finalizer", &["HL303"]),
    ("method-cache", &["HL106"]),
    ("process", &["HL204"]),
    ("resource", &["HL2"]),
    ("task", &["HL503"]),
    ("tempfile", &["HL205"]),
    ("thread", &["HL504"]),
    ("unbounded", &["HL101", "HL102", "HL103", "HL105", "HL107"]),
];

/// The codes that answer a description and whose rules are written.
fn answers(what: &str) -> Vec<String> {
    let codes = ANSWERS.iter().find(|it| it.0 == what);
    let codes = codes.unwrap_or_else(|| panic!("`{what}` is in no list")).1;
    let written: Vec<_> = rules::metas().iter().map(|it| it.code.clone()).collect();
    if !written.iter().any(|it| it.starts_with(codes[0])) {
        return Vec::new();
    }
    written
        .into_iter()
        .filter(|it| codes.iter().any(|code| it.starts_with(code)))
        .collect()
}

/// One case for each marker, and one for all that is not marked.
fn needs(entry: &Entry, cases: &mut Vec<Case>, skipped: &mut usize) {
    let markers = entry.markers(&["FLAG", "INFO", "QUIET"]);
    let program = Arc::new(entry.program.clone());
    let mut flagged: Vec<(Marker, Vec<String>)> = Vec::new();
    for marker in &markers {
        let codes = match &*marker.word {
            "QUIET" => Vec::new(),
            _ => answers(&marker.what),
        };
        let place = (marker.file.clone(), marker.line);
        let name = match &*marker.word {
            "QUIET" => format!("{} {}:{} QUIET", entry.name, place.0, place.1),
            word => format!(
                "{} {}:{} {word} {}",
                entry.name, place.0, place.1, marker.what
            ),
        };
        // With a folder, the file says where; a single file is named already.
        let name = if program.files.len() == 1 {
            name.replacen(&format!(" {}:", place.0), ":", 1)
        } else {
            name
        };
        let is_flag = marker.word == "FLAG";
        if is_flag {
            flagged.push((marker.clone(), codes.clone()));
        }
        let program = Arc::clone(&program);
        if marker.word != "QUIET" && codes.is_empty() {
            *skipped += 1;
            if is_flag {
                continue;
            }
        }
        cases.push((
            name,
            Box::new(move || {
                let mut differences = Differences::default();
                let seen = look(&program, Level::Warning)?;
                let is_answer = |it: &&Seen| {
                    codes.contains(&it.code) && (it.place() == place || it.labels.contains(&place))
                };
                if is_flag {
                    if !seen.iter().any(|it| is_answer(&it)) {
                        let hint = hidden(&program, &place.0, place.1)?;
                        differences.add("missing", format!("a finding of the kind{hint}"));
                    }
                } else {
                    seen.iter()
                        .filter(|it| it.place() == place)
                        .for_each(|it| differences.add("too much", it));
                    if !codes.is_empty()
                        && !look(&program, Level::Info)?.iter().any(|it| is_answer(&it))
                    {
                        differences.add("missing", "nothing of the kind is information");
                    }
                }
                differences.verdict()
            }),
        ));
    }
    cases.push((
        format!("{} / nothing else", entry.name),
        Box::new(move || {
            let mut differences = Differences::default();
            for it in look(&program, Level::Warning)? {
                let is_marked = markers
                    .iter()
                    .any(|m| m.word != "FLAG" && it.place() == (m.file.clone(), m.line));
                let is_answer = flagged.iter().any(|(m, codes)| {
                    let place = (m.file.clone(), m.line);
                    (it.place() == place || it.labels.contains(&place)) && codes.contains(&it.code)
                });
                if !is_marked && !is_answer {
                    differences.add("too much", it);
                }
            }
            differences.verdict()
        }),
    ));
}
