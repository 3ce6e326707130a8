//! The heap as people see it: trees and drawings of the fixtures, pages, snapshots, changes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn heaplint(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(args)
        .current_dir(root())
        .env("LC_ALL", "C.UTF-8")
        .env_remove("FORCE_COLOR")
        .output()
        .expect("our own program starts")
}

fn stdout(args: &[&str]) -> String {
    let output = heaplint(args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

const SHOP: &str = "fixtures/projects/shop";

#[test]
fn trees_tell_who_holds_what() {
    let cycle = "fixtures/articles/cycle_with_del.py";
    let closure = "fixtures/articles/closure_uses_local.py";
    let file = "fixtures/articles/unclosed_file.py";
    for (args, lines) in [
        (
            ["why", "SESSIONS", SHOP],
            &[
                "shop.state.SESSIONS   dict ▲  HL101 per call",
                "├─ held by   shop.state (module globals) → SESSIONS",
                "   ├─ key → token",
                "   └─ value → dict",
            ][..],
        ),
        (
            ["why", "shop.orders.Order", SHOP],
            &["└─ held by   Order (class) → .placed → item"],
        ),
        (
            ["why", "shop.catalogue.Catalogue", SHOP],
            &[
                "   └─ .price → cache ▲  HL106",
                "      └─ key → self → Catalogue",
                "├─ held by   Catalogue (class) → .price → key → self",
            ],
        ),
        (
            ["why", "lines", SHOP],
            &[
                "├─ held by   add_line (function) → lines",
                "   └─ item → (product, amount) tuple",
            ],
        ),
        (
            ["why", "sessions.py:10", SHOP],
            &["shop.state.SESSIONS/value dict"],
        ),
        (
            ["why", "cycle_with_del.MyObject", cycle],
            &[
                "cycle_with_del.MyObject ↺ ⚑  HL301",
                "├─ held by   nothing but its own cycle: the cyclic gc frees it late",
                "   └─ .other → MyObject ↺",
            ],
        ),
        (
            ["why", "my_closure", closure],
            &[
                "├─ held by   closure_uses_local (module globals) → my_closure",
                "   └─ large_data → list  HL401",
            ],
        ),
        (
            ["why", "process_file_bad", file],
            &["   └─ f → open file  HL201"],
        ),
    ] {
        let text = stdout(&args);
        for line in lines {
            let is_there = text.lines().any(|it| it.starts_with(line));
            assert!(is_there, "{args:?}: no line {line:?} in\n{text}");
        }
    }
    let ascii = stdout(&["why", "SESSIONS", SHOP, "--ascii"]);
    assert!(ascii.is_ascii(), "{ascii}");
    let json = stdout(&["why", "SESSIONS", SHOP, "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["id"], "shop.state.SESSIONS");
    assert_eq!(json[0]["growth"], "per-call");
    assert_eq!(json[0]["held_by"][0]["from"], "module shop.state");
    assert_eq!(json[0]["codes"][0], "HL101");
    assert!(
        json[0]["retains"]
            .as_array()
            .is_some_and(|it| it.len() == 2)
    );
}

#[test]
fn names_that_nothing_has_are_errors() {
    for (args, says) in [
        (
            ["why", "SESSION_", SHOP],
            "nothing in the heap is called `SESSION_`",
        ),
        (
            ["why", "ESSION", SHOP],
            "nothing in the heap is called `ESSION`; there are",
        ),
        (
            ["why", "nowhere.py:3", SHOP],
            "`nowhere.py` is no file of the program",
        ),
        (
            ["why", "state.py:5", SHOP],
            "no object of the heap is made or held on line 5",
        ),
    ] {
        let output = heaplint(&args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn drawings_show_what_holds_what() {
    for program in [SHOP, "fixtures/articles"] {
        for (format, parts) in [
            (
                "svg",
                &["<svg ", "</svg>\n", ">HL101<", "prefers-color-scheme: dark"][..],
            ),
            ("dot", &["digraph heap {", "rankdir=LR", "xlabel=\"HL101\""]),
            ("mermaid", &["flowchart LR\n", ":::leak", "linkStyle "]),
            ("folded", &["Module globals;"]),
        ] {
            let text = stdout(&["heap", program, "-o", format]);
            for part in parts {
                let part = part.replace(": dark", ":dark");
                assert!(text.contains(&part), "{program} {format}: {part}");
            }
            assert_eq!(
                text,
                stdout(&["heap", program, "-o", format]),
                "always the same"
            );
        }
    }
    let some = stdout(&[
        "heap",
        SHOP,
        "-o",
        "mermaid",
        "--focus",
        "*SESSIONS*",
        "--depth",
        "1",
    ]);
    assert!(
        some.contains("SESSIONS") && !some.contains("Catalogue"),
        "{some}"
    );
}

#[test]
fn snapshots_have_the_form_that_readers_want() {
    let text = stdout(&["heap", SHOP, "-o", "heapsnapshot"]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let numbers = |key: &str| -> Vec<u64> {
        let list = json[key].as_array().expect("a list");
        list.iter().map(|it| it.as_u64().expect("whole")).collect()
    };
    let (nodes, edges) = (numbers("nodes"), numbers("edges"));
    assert_eq!(
        nodes.len() as u64,
        7 * json["snapshot"]["node_count"].as_u64().expect("a number")
    );
    assert_eq!(
        edges.len() as u64,
        3 * json["snapshot"]["edge_count"].as_u64().expect("a number")
    );
    let held: u64 = nodes.chunks(7).map(|it| it[4]).sum();
    assert_eq!(held * 3, edges.len() as u64);
    assert!(
        edges
            .chunks(3)
            .all(|it| it[2] % 7 == 0 && (it[2] as usize) < nodes.len())
    );
    let mut ids: Vec<u64> = nodes.chunks(7).map(|it| it[2]).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), nodes.len() / 7, "ids are unique");
}

#[test]
fn what_only_moved_is_the_same_object_in_a_snapshot() {
    let folder = tempfile::tempdir().expect("a folder");
    let module = folder.path().join("app.py");
    let program = "CACHE = {}\n\ndef get(key):\n    CACHE[key] = [key]\n";
    let objects = |text: &str| {
        fs::write(&module, text).expect("written");
        let path = folder.path().to_str().expect("UTF-8");
        let text = stdout(&["heap", path, "-o", "heapsnapshot", "--no-cache"]);
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let nodes = json["nodes"].as_array().expect("a list");
        let mut objects: Vec<(u64, String)> = nodes
            .chunks(7)
            .map(|it| {
                let name = it[1].as_u64().expect("a number") as usize;
                let name = json["strings"][name].as_str().expect("a text");
                (it[2].as_u64().expect("a number"), name.to_owned())
            })
            .collect();
        objects.sort();
        assert!(json["locations"].as_array().is_some_and(Vec::is_empty));
        objects
    };
    let before = objects(program);
    assert!(
        before.iter().any(|it| it.1 == "dict app.CACHE (app.py)"),
        "{before:?}"
    );
    assert_eq!(objects(&format!("\n\n{program}")), before);
    let after = objects(&format!("{program}\nADDED = {{}}\n"));
    let new: Vec<_> = after.iter().filter(|it| !before.contains(it)).collect();
    assert_eq!(new.len(), 1, "{new:?}");
    assert_eq!(new[0].1, "dict app.ADDED (app.py)");
}

#[test]
fn findings_come_with_their_trees() {
    let output = heaplint(&["check", SHOP, "-q", "-o", "tree"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    let blocks: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(blocks.len(), 5, "{text}");
    let sessions = blocks.iter().find(|it| it.contains("HL101 [error]"));
    let lines: Vec<&str> = sessions.expect("told").lines().collect();
    assert!(
        lines[0].starts_with("fixtures/projects/shop/shop/sessions.py:10:5: HL101 [error] "),
        "{text}"
    );
    assert!(
        lines[1].starts_with("shop.state.SESSIONS   dict ▲  HL101 per call"),
        "{text}"
    );
    assert!(
        lines[2].starts_with("├─ held by   shop.state (module globals) → SESSIONS"),
        "{text}"
    );
    // Findings about one object share its tree.
    let folder = tempfile::tempdir().expect("a folder");
    let two = "SEEN = []\n\ndef one(x):\n    SEEN.append(x)\n\ndef two(x):\n    SEEN.append(x)\n";
    fs::write(folder.path().join("app.py"), two).expect("written");
    let path = folder.path().to_str().expect("UTF-8");
    let output = heaplint(&["check", path, "-q", "-o", "tree", "--ascii"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.matches("app.SEEN   list").count(), 1, "{text}");
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn places_in_notebooks_are_places_in_cells() {
    let folder = tempfile::tempdir().expect("a folder");
    let cell = |kind: &str, lines: &[&str]| {
        serde_json::json!({
            "cell_type": kind, "metadata": {}, "source": lines, "outputs": [], "execution_count": null
        })
    };
    let book = serde_json::json!({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [
            cell("markdown", &["# Title"]),
            cell("code", &["import json\n", "CACHE = {}"]),
            cell("code", &["def get(key):\n", "    CACHE[key] = [key]\n", "    return CACHE[key]"]),
        ],
    });
    let file = folder.path().join("book.ipynb");
    let text = serde_json::to_string_pretty(&book).expect("JSON");
    fs::write(&file, &text).expect("written");
    let path = folder.path().to_str().expect("UTF-8");
    for format in ["svg", "dot", "html"] {
        let text = stdout(&["heap", path, "-o", format]);
        assert!(text.contains("book.ipynb:cell 2:2"), "{format}: {text}");
    }
    for what in ["book.ipynb:cell 2:2", "CACHE"] {
        let text = stdout(&["why", what, path]);
        assert!(text.starts_with("book.CACHE   dict"), "{what}: {text}");
        assert!(text.contains("book.ipynb:cell 2:2"), "{what}: {text}");
    }
    // Without a cell, the line is one of the file.
    let line = 1 + text
        .lines()
        .position(|it| it.contains("CACHE = {}"))
        .expect("there");
    let on_disk = stdout(&["why", &format!("book.ipynb:{line}"), path]);
    assert!(on_disk.starts_with("book.CACHE   dict"), "{on_disk}");
    let output = heaplint(&["why", "book.ipynb:cell 3:3", path]);
    assert_eq!(output.status.code(), Some(2));
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        says.contains("on line 3 of cell 3 of `book.ipynb`"),
        "{says}"
    );
}

#[test]
fn a_page_holds_everything_and_asks_for_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("r.html");
    let output = format!("html:{}", page.display());
    let status = heaplint(&["check", SHOP, "-q", "-o", &output]).status;
    assert_eq!(status.code(), Some(1), "findings are findings");
    let text = fs::read_to_string(&page).expect("written");
    for part in ["<noscript>", "default-src 'none'", "SESSIONS", "HL101-"] {
        assert!(text.contains(part), "{part}");
    }
    for part in ["http://", "https://", "src=", "@import", "url(h"] {
        let found: Vec<_> = text.match_indices(part).map(|it| it.0).collect();
        let is_name = |at: usize| text[at..].starts_with("http://www.w3.org/2000/svg");
        assert!(found.iter().all(|&it| is_name(it)), "{part}");
    }
    // What stands in a source stays a text.
    let hostile = folder.path().join("odd.py");
    let name = "</script><img src=x onerror=alert(1)>";
    fs::write(
        &hostile,
        format!("CACHE = {{}}\ndef get(k):\n    CACHE[k] = {name:?}  # \u{202e}\n    CACHE[{name:?}] = [k]\n"),
    )
    .expect("written");
    let path = hostile.to_str().expect("UTF-8");
    for format in ["html", "svg", "dot", "mermaid", "folded", "heapsnapshot"] {
        let text = stdout(&["heap", path, "-o", format]);
        assert!(!text.contains("<img"), "{format}");
        assert!(!text.contains('\u{202e}'), "{format}");
    }
}

#[test]
fn what_an_earlier_run_kept_is_not_taken_for_a_heap() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept");
    let kept = kept.to_str().expect("UTF-8");
    let heap = ["heap", SHOP, "-o", "json"];
    let without = stdout(&[&heap[..], &["--no-cache"]].concat());
    assert!(without.contains("SESSIONS"));
    heaplint(&["check", SHOP, "-q", "--cache-dir", kept]);
    for _ in 0..2 {
        assert_eq!(
            stdout(&[&heap[..], &["--cache-dir", kept]].concat()),
            without
        );
    }
    let page = heaplint(&["check", SHOP, "-q", "-o", "html", "--cache-dir", kept]);
    assert!(String::from_utf8_lossy(&page.stdout).contains("SESSIONS"));
}

#[test]
fn changes_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = |args: &[&str]| {
        let status = Command::new("git")
            .args(["-C", folder.path().to_str().expect("UTF-8")])
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(args)
            .output()
            .expect("git runs");
        assert!(status.status.success(), "{args:?}");
    };
    let module = folder.path().join("app.py");
    let before =
        "class Session:\n    def __init__(self):\n        self.rows = []\n\nCURRENT = Session()\n";
    fs::write(&module, before).expect("written");
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "first"]);
    let path = folder.path().to_str().expect("UTF-8").to_owned();
    let same = stdout(&["heap", &path, "--compare", "HEAD"]);
    assert_eq!(
        same,
        "the heap has no new root, no new growing container and no new holder\n"
    );
    let after =
        format!("{before}SESSIONS = {{}}\n\ndef opened(token):\n    SESSIONS[token] = Session()\n");
    let old = folder.path().join("old.json");
    let to = format!("json:{}", old.display());
    stdout(&["heap", &path, "-q", "-o", &to]);
    fs::write(&module, after).expect("written");
    let text = stdout(&["heap", &path, "--compare", "HEAD"]);
    assert!(
        text.contains("new growing containers: 1\n  + app.SESSIONS"),
        "{text}"
    );
    assert!(
        text.contains("+ app.Session  reachable from app (module globals)"),
        "{text}"
    );
    let old = old.to_str().expect("UTF-8");
    assert_eq!(stdout(&["heap", &path, "--compare", old]), text);
    let new = folder.path().join("new.json");
    stdout(&[
        "heap",
        &path,
        "-q",
        "-o",
        &format!("json:{}", new.display()),
    ]);
    let both = stdout(&["heap", new.to_str().expect("UTF-8"), "--compare", old]);
    assert!(both.contains("+ app.SESSIONS"), "{both}");
    let json = stdout(&["heap", &path, "--compare", "HEAD", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["growing"][0]["id"], "app.SESSIONS");
    assert!(stdout(&["heap", &path, "--compare", "HEAD", "-o", "svg"]).contains("SESSIONS"));
    for (flag, says) in [
        ("nope", "neither a file nor a revision"),
        ("--output=x", "neither"),
    ] {
        let output = heaplint(&["heap", &path, &format!("--compare={flag}")]);
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(says), "{stderr}");
    }
}
