//! Files whose names are commands, markup or controls: every format and every drawing says them, and none obeys them.
#![cfg(unix)]

#[path = "tools/binary.rs"]
mod binary;

use std::collections::BTreeSet;
use std::path::Path;

use binary::{Run, folder, heaplint};
use heaplint::report::Format;
use serde_json::Value;

const LEAK: &str =
    "CACHE = {}\n\n\ndef get(key):\n    CACHE[key] = object()\n    return CACHE[key]\n";

const NAMES: &[&str] = &[
    "a\nb.py",
    "\n::error::c.py",
    "::error file=x::d.py",
    "##vso[task.complete]e.py",
    "-rf.py",
    "$(touch pwned).py",
    "`touch pwned`.py",
    ";touch pwned;.py",
    "f\u{1b}[31mg.py",
    "h\u{202e}i.py",
    "%0A::error::j.py",
    "<img src=x onerror=alert(1)>.py",
    "\"><script>k.py",
    "]]>l.py",
    "`|m.py",
    "n\u{7f}\u{85}\u{9b}o.py",
    "p\r::error::q.py",
    "u,v;w]x:y.py",
    "r\u{2028}::error::s.py",
];

/// Formats of drawings.
const DRAWINGS: &[&str] = &[
    "html",
    "svg",
    "dot",
    "mermaid",
    "folded",
    "heapsnapshot",
    "json",
];

/// Formats that are shown as they are.
const PLAIN: &[&str] = &[
    "full", "concise", "tree", "pylint", "github", "azure", "folded",
];

fn tame(run: &Run, what: &str) {
    let is_data = run.out.starts_with(['{', '[']);
    for text in [&run.out, &run.err] {
        let wild = |c: char| {
            c.is_control() && !matches!(c, '\n' | '\t')
                || c == '\u{202e}' && !is_data
                || c == '\u{2028}' && PLAIN.contains(&what)
        };
        let found: BTreeSet<char> = text.chars().filter(|c| wild(*c)).collect();
        assert!(found.is_empty(), "{what} holds {found:?}");
        for line in text.lines().map(str::trim_start) {
            let start: String = line.chars().take(200).collect();
            // What the tool itself says to GitHub begins with its title.
            let is_command = what == "github"
                && ["::error title=HL", "::warning title=HL", "::notice "]
                    .iter()
                    .any(|it| line.starts_with(it));
            assert!(!line.starts_with("::") || is_command, "{what}: {start}");
            // GitHub has taken the line by then.
            let is_command = match what {
                "azure" => line.starts_with("##vso[task.logissue "),
                _ => is_command,
            };
            assert!(!line.contains("##vso[") || is_command, "{what}: {start}");
        }
        let markup: &[&str] = match what {
            "html" => &["<img", "\"><script>"],
            "svg" | "junit" | "checkstyle" => &["<img", "\"><script>", "]]>l"],
            // In Markdown these stand in code, where they are text.
            "mermaid" => &["<img", "><script>", "`|m.py"],
            _ => &[],
        };
        for it in markup {
            assert!(!text.contains(it), "{what} holds {it}");
        }
    }
}

/// All strings of a JSON document.
fn strings(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(it) => {
            into.insert(it.clone());
        }
        Value::Array(items) => items.iter().for_each(|it| strings(it, into)),
        Value::Object(fields) => fields.values().for_each(|it| strings(it, into)),
        _ => {}
    }
}

fn documents(out: &str, by_line: bool) -> Vec<Value> {
    let parse = |it: &str| serde_json::from_str(it).expect("JSON");
    match by_line {
        true => out.lines().map(parse).collect(),
        false => vec![parse(out)],
    }
}

#[test]
fn every_format_says_odd_names_and_obeys_none() {
    let files: Vec<(&str, &str)> = NAMES.iter().map(|it| (*it, LEAK)).collect();
    let at = folder(&files);
    for &format in Format::ALL {
        let name = format.to_string();
        let run = heaplint(at.path(), &["-q", "--no-cache", "-o", &name, "."]);
        assert_eq!(run.code, 1, "{name}: {}", run.err);
        tame(&run, &name);
        if format.is_json() && format != Format::Sarif {
            let by_line = matches!(format, Format::Jsonl | Format::Rdjsonl);
            let mut said = BTreeSet::new();
            for document in documents(&run.out, by_line) {
                strings(&document, &mut said);
            }
            for path in NAMES {
                assert!(said.contains(*path), "{name}: {path:?} is not said");
            }
        }
    }
    assert_eq!(left(at.path()), NAMES.len());
}

#[test]
fn every_drawing_says_odd_names_and_obeys_none() {
    let files: Vec<(&str, &str)> = NAMES.iter().map(|it| (*it, LEAK)).collect();
    let at = folder(&files);
    for name in DRAWINGS {
        let to_stdout = format!("{name}:-");
        let run = heaplint(at.path(), &["heap", "-q", "-o", &to_stdout, "."]);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        assert!(run.out.contains("CACHE"), "{name}");
        tame(&run, name);
    }
    for args in [
        &["-q", "-o", "tree", "."][..],
        &["--show-files", "."],
        &["--statistics", "."],
        &["why", "CACHE"],
        &["baseline", "write", "."],
        &["--preview-fix", "."],
    ] {
        let run = heaplint(at.path(), args);
        assert!(run.code < 2, "{args:?}: {}", run.err);
        tame(&run, "concise");
    }
}

/// Number of Python files in a folder, and that nothing else came there.
fn left(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|it| it.expect("listed").file_name());
    let names: Vec<String> = names.map(|it| it.to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|it| it == "pwned"), "{names:?}");
    names.iter().filter(|it| it.ends_with(".py")).count()
}
