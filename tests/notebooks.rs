//! Notebooks: found, read cell by cell by both doors, and named by cell in what people read, by place on disk elsewhere.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A notebook of these cells, indented as Jupyter saves it, or on one line.
fn notebook(cells: &[(&str, &str)], pretty: bool) -> String {
    let cells: Vec<Value> = cells
        .iter()
        .map(|(kind, code)| {
            let lines: Vec<&str> = code.split_inclusive('\n').collect();
            json!({"cell_type": kind, "metadata": {}, "outputs": [], "source": lines})
        })
        .collect();
    let language = json!({"kernelspec": {"language": "python", "name": "python3"}});
    let document =
        json!({"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 5});
    if pretty {
        format!("{document:#}\n")
    } else {
        document.to_string()
    }
}

const LEAK: &[(&str, &str)] = &[
    ("markdown", "# A *notebook*\n"),
    ("code", "%matplotlib inline\nimport os"),
    ("code", "%%bash\nls ( |\n"),
    (
        "code",
        "%%time\ndef first(path):\n\tif path:\n\t\t!echo {path}\n\té = '\"'; f = open(path)\n\treturn f.read(1)\n",
    ),
];

fn run(dir: &TempDir, args: &[&str]) -> (String, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["check", ".", "--isolated"])
        .args(args)
        .current_dir(dir.path())
        .output()
        .expect("heaplint runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("written");
    }
    dir
}

#[test]
fn a_place_is_a_cell_and_a_line_for_people() {
    let dir = folder(&[("n.ipynb", &notebook(LEAK, true))]);
    for door in ["ruff", "rustpython"] {
        let (out, _, code) = run(&dir, &["-o", "concise", "--parser", door]);
        assert!(
            out.starts_with("n.ipynb:cell 4:5:15: HL201"),
            "{door}: {out}"
        );
        assert_eq!(code, Some(1));
        let (out, ..) = run(&dir, &["--parser", door]);
        assert!(out.contains("╭─[ n.ipynb:cell 4:5:15 ]"), "{out}");
        assert!(out.contains(" 5 │     é = '\"'; f = open(path)"), "{out}");
    }
    let (out, ..) = run(&dir, &["-o", "markdown"]);
    assert!(out.contains("`n.ipynb:cell 4:5`"), "{out}");
    let (out, ..) = run(&dir, &["-o", "github"]);
    assert!(out.contains("n.ipynb:cell 4:5:15: HL201"), "{out}");
}

/// The text between two places of a document as the format counts them, by `units` of a character.
fn between(disk: &str, start: (u64, u64), end: (u64, u64), units: fn(char) -> usize) -> String {
    assert_eq!(start.0, end.0);
    let line = disk.lines().nth(start.0 as usize - 1).expect("a line");
    let mut at = 1;
    let mut found = String::new();
    for c in line.chars() {
        if (start.1..end.1).contains(&at) {
            found.push(c);
        }
        at += units(c) as u64;
    }
    found
}

#[test]
fn a_place_is_on_disk_for_programs() {
    for pretty in [true, false] {
        let disk = notebook(LEAK, pretty);
        let dir = folder(&[("n.ipynb", &disk)]);
        let parse = |format: &str| -> Value {
            let (out, ..) = run(&dir, &["-o", format]);
            serde_json::from_str(&out).expect("JSON")
        };
        let number = |it: &Value| it.as_u64().expect("a number");
        let json = parse("json");
        let location = &json["findings"][0]["location"];
        let place = |it: &Value| (number(&it["line"]), number(&it["column"]));
        let (start, end) = (place(&location["start"]), place(&location["end"]));
        assert_eq!(between(&disk, start, end, |_| 1), "open(path)");
        assert_eq!(
            location["cell"],
            json!({"number": 4, "start": {"line": 5, "column": 15}})
        );
        let sarif = parse("sarif");
        let result = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        let region = &result["region"];
        let start = (number(&region["startLine"]), number(&region["startColumn"]));
        let end = (number(&region["endLine"]), number(&region["endColumn"]));
        assert_eq!(between(&disk, start, end, |_| 1), "open(path)");
        let rdjson = parse("rdjson");
        let range = &rdjson["diagnostics"][0]["location"]["range"];
        let (start, end) = (place(&range["start"]), place(&range["end"]));
        assert_eq!(between(&disk, start, end, char::len_utf8), "open(path)");
        let sonar = parse("sonar");
        let range = &sonar["issues"][0]["primaryLocation"]["textRange"];
        let line = number(&range["startLine"]);
        let start = (line, number(&range["startColumn"]) + 1);
        let end = (line, number(&range["endColumn"]) + 1);
        assert_eq!(between(&disk, start, end, char::len_utf16), "open(path)");
    }
}

#[test]
fn a_broken_cell_leaves_the_others() {
    let mut cells = vec![("code", "x = (1,\n"), ("code", "s = '''\n")];
    cells.extend(LEAK);
    cells.push(("code", "pip install x\ny = 1 +\n"));
    let dir = folder(&[("n.ipynb", &notebook(&cells, true))]);
    for door in ["ruff", "rustpython"] {
        let (out, err, _) = run(&dir, &["-o", "concise", "--parser", door]);
        assert!(out.starts_with("n.ipynb:cell 6:5:15: HL201"), "{out}{err}");
        let places: Vec<&str> = err
            .lines()
            .filter(|it| it.contains("[syntax-error]"))
            .filter_map(|it| it.split(": ").next())
            .filter_map(|it| it.rsplit_once(':'))
            .map(|it| it.0)
            .collect();
        let mut lines = vec!["n.ipynb:cell 1:1", "n.ipynb:cell 2:1", "n.ipynb:cell 7:2"];
        lines.retain(|it| !places.contains(it));
        assert!(lines.is_empty(), "{door}: {err}");
    }
}

#[test]
fn cells_share_one_namespace_and_comments_silence() {
    let cells = [
        ("code", "CACHE = {}"),
        (
            "code",
            "import http.server\nclass H(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        CACHE[self.path] = 1\n",
        ),
    ];
    let dir = folder(&[("n.ipynb", &notebook(&cells, true))]);
    let (out, ..) = run(&dir, &["-o", "concise"]);
    assert!(out.starts_with("n.ipynb:cell 2:4:9: HL101"), "{out}");
    let silent = cells[1].1.replace("= 1\n", "= 1  # noqa: HL101\n");
    let cells = [cells[0], ("code", &*silent)];
    let dir = folder(&[("n.ipynb", &notebook(&cells, true))]);
    assert_eq!(run(&dir, &["-o", "concise"]).0, "");
}

#[test]
fn what_is_no_notebook_is_a_notice() {
    let julia = r#"{"cells": [], "metadata": {"kernelspec": {"language": "julia"}}}"#;
    let dir = folder(&[
        ("empty.ipynb", ""),
        ("julia.ipynb", julia),
        ("list.ipynb", "[\n\n1]"),
        ("bytes.ipynb", "\u{feff}{\"cells\": []}"),
    ]);
    let (_, err, code) = run(&dir, &[]);
    assert_eq!(code, Some(0));
    assert!(
        err.contains("empty.ipynb:1:1: [unreadable] not a notebook: "),
        "{err}"
    );
    assert!(
        err.contains("julia.ipynb: [info] not a Python notebook: its language is julia"),
        "{err}"
    );
    assert!(err.contains("list.ipynb:"), "{err}");
    assert!(!err.contains("bytes.ipynb"), "{err}");
}

#[test]
fn settings_leave_notebooks_out() {
    let settings = "[tool.heaplint]\nextend-exclude = [\"*.ipynb\"]\n";
    let dir = folder(&[
        ("n.ipynb", &notebook(LEAK, true)),
        ("pyproject.toml", settings),
    ]);
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["check", ".", "-o", "concise"])
        .current_dir(dir.path())
        .output()
        .expect("heaplint runs");
    assert_eq!(output.stdout, b"");
}
