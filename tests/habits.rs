//! The repository's own promises: heads, who may name whom, pages and rules in pairs, style of messages, tables.
//!
//! `UPDATE=1 cargo test --test habits` rewrites what is generated: the marked blocks of `README.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use heaplint::config::{Confidence, Config, Level, Source, Sourced};
use heaplint::pipeline::{Request, analyze};
use heaplint::rules;

/// Rules whose leaks CPython alone cannot show: they need other people's libraries, lose work and keep nothing, or
/// speak of comments.
const UNPROVEN: &[&str] = &[
    "accumulated-graph",
    "blanket-suppression",
    "copied-by-workers",
    "expired-suppression",
    "large-global",
    "malformed-suppression",
    "notebook-output",
    "suppression-without-reason",
    "unclosed-client",
    "unclosed-figure",
    "unused-suppression",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|it| panic!("{}: {it}", path.display()))
}

/// Files with this ending below a folder, from the root, sorted.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of ours") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == ending) {
                let inside = path.strip_prefix(root()).expect("below the root");
                found.push(inside.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// A source without its tests and comments.
fn code(path: &str) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]").next().expect("split gives one");
    text.lines()
        .filter(|it| !it.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n")
}

fn assert_none(wrong: &[String], promise: &str) {
    assert!(wrong.is_empty(), "{promise}:\n{}", wrong.join("\n"));
}

#[test]
fn files_say_what_they_are() {
    let sources = [files("src", "rs"), files("tests", "rs")].concat();
    let wrong: Vec<_> = sources
        .into_iter()
        .filter(|it| !read(it).starts_with("//! "))
        .collect();
    assert_none(&wrong, "a file opens with `//!`");
}

#[test]
fn parsers_are_named_behind_their_doors() {
    let wrong: Vec<_> = files("src", "rs")
        .into_iter()
        .filter(|it| !it.starts_with("src/lower"))
        .filter(|it| {
            let code = code(it);
            ["rustpython_parser", "ruff_python", "ruff_text"]
                .iter()
                .any(|it| code.contains(it))
        })
        .collect();
    assert_none(&wrong, "parser crates are named in src/lower only");
}

#[test]
fn rules_see_no_syntax() {
    let wrong: Vec<_> = files("src/rules", "rs")
        .into_iter()
        .filter(|it| {
            let code = code(it);
            ["crate::syntax", "crate::lower", "crate::facts::collect"]
                .iter()
                .any(|it| code.contains(it))
        })
        .collect();
    assert_none(
        &wrong,
        "a rule asks the program and the heap, not the syntax",
    );
}

#[test]
fn reports_do_not_analyse() {
    let folders = [files("src/report", "rs"), vec!["src/report.rs".to_owned()]].concat();
    let wrong: Vec<_> = folders
        .into_iter()
        .filter(|it| {
            let code = code(it);
            ["heap", "link", "rules", "lower", "flow", "facts"]
                .iter()
                .any(|it| code.contains(&format!("crate::{it}")))
        })
        .collect();
    assert_none(&wrong, "reports write what findings say");
}

#[test]
fn drawings_do_not_analyse() {
    let wrong: Vec<_> = [files("src/draw", "rs"), vec!["src/draw.rs".to_owned()]]
        .concat()
        .into_iter()
        .filter(|it| {
            let code = code(it).replace("crate::heap::view", "");
            [
                "heap",
                "link",
                "lower",
                "flow",
                "facts",
                "rules",
                "resources",
            ]
            .iter()
            .any(|it| code.contains(&format!("crate::{it}")))
        })
        .collect();
    assert_none(&wrong, "drawings draw what stands in the view");
}

#[test]
fn facts_know_no_settings_and_no_rules() {
    let facts = [files("src/facts", "rs"), files("src/lower", "rs")].concat();
    let wrong: Vec<_> = facts
        .into_iter()
        .filter(|it| {
            let code = code(it);
            ["config", "rules", "link", "heap", "report"]
                .iter()
                .any(|it| code.contains(&format!("crate::{it}")))
        })
        .collect();
    assert_none(&wrong, "facts of a file depend on that file only");
}

#[test]
fn rules_pages_and_files_come_in_pairs() {
    let metas = rules::metas();
    let codes: Vec<_> = metas.iter().map(|it| &it.code).collect();
    assert!(
        codes.windows(2).all(|it| it[0] < it[1]),
        "ALL is in the order of codes: {codes:?}"
    );
    let list = read("src/rules.rs");
    for meta in metas {
        let stem = meta.name.replace('-', "_");
        assert_eq!(
            read(format!("rules/{}.md", meta.name)),
            meta.page,
            "{}",
            meta.name
        );
        assert!(list.contains(&format!("mod {stem};")), "mod {stem}");
        assert!(
            root().join(format!("src/rules/{stem}.rs")).is_file(),
            "src/rules/{stem}.rs"
        );
        assert!(meta.url().ends_with(&meta.name));
        assert!(
            meta.summary.starts_with(|it: char| !it.is_uppercase()),
            "{}",
            meta.summary
        );
        assert!(!meta.summary.ends_with('.'), "{}", meta.summary);
        for kind in ["\n## Bad: ", "\n## Good: "] {
            let mut sections = meta.page.split(kind).skip(1);
            let is_proof = |it: &str| {
                let section = it.split("\n## ").next().expect("split gives one");
                section.contains("\ndef exercise(n")
            };
            assert!(
                sections.any(is_proof) || UNPROVEN.contains(&&*meta.name),
                "{}: no{}that runs",
                meta.name,
                kind.replace('\n', " ")
            );
        }
    }
}

#[test]
fn messages_are_sentences_of_one_style() {
    let mut config = Config::from_str("", Path::new("heaplint.toml")).expect("no settings");
    let from = Source::CommandLine;
    config.level = Sourced {
        value: Level::Info,
        from: from.clone(),
    };
    config.confidence = Sourced {
        value: Confidence::Low,
        from,
    };
    let request = Request {
        roots: vec![root().join("fixtures")],
        config,
        overlay: heaplint::source::Overlay::default(),
        cache: heaplint::pipeline::CacheChoice::Off,
    };
    let analysis = analyze(&request, &|_, _| ()).expect("the fixtures are there");
    assert!(!analysis.findings.is_empty());
    let mut wrong = Vec::new();
    for it in &analysis.findings {
        let texts = [&it.message, &it.help].into_iter();
        for text in texts
            .chain(it.labels.iter().map(|it| &it.text))
            .chain(&it.notes)
        {
            let first = text.chars().next().unwrap_or('a');
            // A name of the program, `x`, or of Python keeps its case.
            let starts_low =
                !first.is_uppercase() || text.starts_with("CPython") || text.starts_with("Python");
            if !starts_low || text.ends_with('.') && !text.ends_with("...") || text.contains('\n') {
                wrong.push(format!("{}: {text}", it.rule.code));
            }
        }
        if it.message.is_empty() || it.help.is_empty() {
            wrong.push(format!(
                "{}: no message or no help: {}",
                it.rule.code, it.message
            ));
        }
        for it in &it.labels {
            // Names of the program are as long as they are.
            let words: String = it.text.split('`').step_by(2).collect();
            if words.chars().count() > 60 {
                wrong.push(format!("longer than 60 columns: {}", it.text));
            }
        }
    }
    wrong.dedup();
    assert_none(&wrong, "lower-case, one sentence, no final period");
}

#[test]
fn the_lock_file_is_ours() {
    let lock = read("Cargo.lock");
    assert!(lock.contains("name = \"heaplint\""));
    assert!(!read(".gitignore").contains("Cargo.lock"));
}

/// The text between `<!-- name -->` and `<!-- /name -->` is `wanted`.
fn assert_block(name: &str, wanted: &str) {
    // Tests of one file run side by side, and each may rewrite its block.
    static README: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = README
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let readme = read("README.md");
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = readme.find(&open).expect("README.md has the block") + open.len();
    let end = start + readme[start..].find(&close).expect("the block ends");
    let wanted = format!("{}\n", wanted.trim_end());
    if readme[start..end] == wanted {
        return;
    }
    assert!(
        std::env::var_os("UPDATE").is_some(),
        "README.md: `{name}` is out of date; UPDATE=1 cargo test --test habits rewrites it\n{wanted}"
    );
    let text = format!("{}{wanted}{}", &readme[..start], &readme[end..]);
    fs::write(root().join("README.md"), text).expect("README.md can be written");
}

#[test]
fn the_readme_lists_the_rules() {
    let mut table = "| code | name | what it finds |\n|---|---|---|\n".to_owned();
    for it in rules::metas() {
        let (code, name, summary) = (&it.code, &it.name, &it.summary);
        table += &format!("| {code} | [`{name}`](rules/{name}.md) | {summary} |\n");
    }
    assert_block("rules", &table);
}

#[test]
fn the_readme_shows_the_articles() {
    let mut table =
        "| program | the article says | what is so | we say |\n|---|---|---|---|\n".to_owned();
    let notes = read("fixtures/articles/README.md");
    let rows = notes.lines().filter(|it| it.starts_with("| `"));
    for row in rows {
        let file = row.split('`').nth(1).expect("a file in backquotes");
        let text = read(format!("fixtures/articles/{file}"));
        let said = text
            .lines()
            .find_map(|it| it.split_once("# expect: "))
            .map_or("nothing", |it| it.1)
            .replace("; ", "; on ");
        let row = row.replacen(
            &format!("`{file}`"),
            &format!("[`{file}`](fixtures/articles/{file})"),
            1,
        );
        table += &format!("{row} {said} |\n");
    }
    assert_block("articles", &table);
}

/// What the command prints, without the time that it took.
fn output(args: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(args)
        .current_dir(root())
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the binary runs");
    let out = String::from_utf8(run.stdout).expect("text");
    let err = String::from_utf8(run.stderr).expect("text");
    let summary = err.trim_end().rsplit_once(" · ").map_or(&*err, |it| it.0);
    format!(
        "```console\n$ heaplint {}\n{out}{summary}\n```",
        args.join(" ")
    )
}

#[test]
fn the_readme_shows_our_own_output() {
    assert_block("sample", &output(&["fixtures/articles/global_cache.py"]));
}

#[test]
fn the_shop_has_the_leaks_that_the_readme_tells() {
    assert_block(
        "shop",
        &output(&["fixtures/projects/shop", "-o", "concise"]),
    );
}
