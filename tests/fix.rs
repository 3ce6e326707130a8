//! `--fix` through the binary: what becomes of programs, and what does not happen to files.
//!
//! `UPDATE=1 cargo test --test fix` rewrites the expected texts beside the programs of `fixtures/fix/`.

mod judge;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use heaplint::lower::{Door, lower};
use tempfile::TempDir;

const LEAK: &str = "def read(path):\n    f = open(path)\n    return f.read()\n";
const FIXED: &str = "def read(path):\n    with open(path) as f:\n        return f.read()\n";

fn heaplint(at: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["--isolated", "--level", "info", "--confidence", "low"])
        .args(args)
        .current_dir(at)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The binary's answer to `--fix` over one file with these bytes: the bytes after, the run, and the folder.
fn fixed(bytes: &[u8], args: &[&str]) -> (Vec<u8>, Output, TempDir) {
    let folder = TempDir::with_prefix("fix").expect("a temporary folder");
    let path = folder.path().join("app.py");
    fs::write(&path, bytes).expect("a file");
    let args: Vec<&str> = ["app.py", "--fix"].iter().chain(args).copied().collect();
    let run = heaplint(folder.path(), &args);
    (fs::read(&path).expect("still there"), run, folder)
}

fn programs(of: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/fix")
        .join(of);
    let entries = fs::read_dir(folder).expect("a folder of ours");
    let paths = entries.map(|it| it.expect("listed").path());
    let mut paths: Vec<_> = paths
        .filter(|it| it.extension().is_some_and(|it| it == "py"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// What a program prints, without warnings about what it leaks; none without Python.
fn printed(program: &str) -> Option<String> {
    let folder = TempDir::with_prefix("run").expect("a temporary folder");
    let path = folder.path().join("program.py");
    fs::write(&path, program).expect("a file");
    let run = Command::new("python3")
        .arg(&path)
        .current_dir(folder.path())
        .output();
    let Ok(run) = run else {
        assert!(
            std::env::var_os("HEAPLINT_REQUIRE_PYTHON").is_none(),
            "python3 is needed"
        );
        return None;
    };
    assert!(run.status.success(), "{}", text(&run.stderr));
    Some(text(&run.stdout))
}

fn assert_fixed(of: &str, args: &[&str]) {
    for path in programs(of) {
        let before = fs::read_to_string(&path).expect("a program");
        let (after, run, folder) = fixed(before.as_bytes(), args);
        let after = text(&after);
        assert!(
            run.status.code() != Some(2),
            "{}: {}",
            path.display(),
            text(&run.stderr)
        );
        let expected = path.with_extension("fixed");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &after).expect("written");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(after, expected, "{}", path.display());
        assert_ne!(after, before, "{}", path.display());
        for door in [Door::Ruff, Door::Rustpython] {
            assert!(lower(&after, door).errors.is_empty(), "{}", path.display());
        }
        // What is left has no fix of this kind: a second run changes nothing.
        let args: Vec<&str> = ["app.py", "--fix"].iter().chain(args).copied().collect();
        heaplint(folder.path(), &args);
        let again = fs::read(folder.path().join("app.py")).expect("still there");
        assert_eq!(text(&again), after, "{}", path.display());
        if let (Some(old), Some(new)) = (printed(&before), printed(&after)) {
            assert_eq!(old, new, "{}", path.display());
        }
    }
}

#[test]
fn safe_fixes_keep_what_programs_do() {
    assert_fixed("safe", &[]);
}

#[test]
fn unsafe_fixes_are_made_on_demand_only() {
    assert_fixed("unsafe", &["--unsafe"]);
    for path in programs("unsafe") {
        let before = fs::read(&path).expect("a program");
        let (after, ..) = fixed(&before, &[]);
        assert_eq!(text(&after), text(&before), "{}", path.display());
    }
}

#[test]
fn what_cannot_be_relied_on_is_left_alone() {
    for path in programs("untouched") {
        let before = fs::read(&path).expect("a program");
        let (after, run, _folder) = fixed(&before, &["--unsafe"]);
        assert_eq!(text(&after), text(&before), "{}", path.display());
        assert_eq!(
            run.status.code(),
            Some(1),
            "it leaks: {}",
            text(&run.stderr)
        );
    }
}

#[test]
fn the_finding_is_gone() {
    let (after, run, _folder) = fixed(LEAK.as_bytes(), &[]);
    assert_eq!(text(&after), FIXED);
    assert_eq!(run.status.code(), Some(0));
    assert_eq!(text(&run.stdout), "");
    assert!(text(&run.stderr).contains("fixed 1 finding in 1 file"));
}

/// Every file below a folder.
fn texts(at: &Path, into: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(at).expect("a folder") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            texts(&path, into);
        } else if path.extension().is_some_and(|it| it == "py") {
            let text = fs::read(&path).expect("a file");
            into.insert(path, String::from_utf8_lossy(&text).into_owned());
        }
    }
}

/// The programs of all rule pages and fixtures as one repository: leaks of every kind, and code that looks alike.
fn write_programs(to: &Path) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut fixtures = BTreeMap::new();
    texts(&own.join("fixtures"), &mut fixtures);
    for (path, text) in fixtures {
        let file = to.join(path.strip_prefix(own).expect("below it"));
        fs::create_dir_all(file.parent().expect("below the folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
    let pages = own.join("rules");
    for entry in fs::read_dir(pages).expect("rules/ is there") {
        let path = entry.expect("listed").path();
        if path.extension().is_none_or(|it| it != "md") {
            continue;
        }
        let page = fs::read_to_string(&path).expect("a page");
        let stem = path.file_stem().expect("it has a name").to_string_lossy();
        for (number, section) in judge::page::sections(&page).into_iter().enumerate() {
            let own = to.join(format!("{stem}_{number}"));
            for (name, text) in section.program.files {
                let file = own.join(name);
                fs::create_dir_all(file.parent().expect("below the folder")).expect("a folder");
                fs::write(file, text).expect("a file");
            }
        }
    }
}

fn is_read(text: &str) -> bool {
    [Door::Ruff, Door::Rustpython].map(|it| lower(text, it).errors.is_empty()) == [true; 2]
}

#[test]
fn fixing_twice_is_fixing_once() {
    let folder = TempDir::with_prefix("fix").expect("a temporary folder");
    write_programs(folder.path());
    let (mut before, mut once, mut twice) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    texts(folder.path(), &mut before);
    let run = heaplint(folder.path(), &["--fix", "--unsafe"]);
    assert_ne!(run.status.code(), Some(2), "{}", text(&run.stderr));
    texts(folder.path(), &mut once);
    let changed: Vec<_> = once.iter().filter(|it| before[it.0] != *it.1).collect();
    assert!(changed.len() > 30, "only {} files change", changed.len());
    for (path, after) in changed {
        let is_sound = is_read(after) || !is_read(&before[path]);
        assert!(is_sound, "{}:\n{after}", path.display());
    }
    heaplint(folder.path(), &["--fix", "--unsafe"]);
    texts(folder.path(), &mut twice);
    for (path, text) in &twice {
        assert_eq!(*text, once[path], "{}", path.display());
    }
}

/// What is written with other line ends and other blanks is fixed alike.
#[test]
fn layout_is_kept() {
    let windows = |it: &str| it.replace('\n', "\r\n");
    let tabs = |it: &str| {
        let lines = it.split_inclusive('\n').map(|line| {
            let text = line.trim_start_matches(' ');
            let blanks = line.len() - text.len();
            "\t".repeat(blanks / 4) + &" ".repeat(blanks % 4) + text
        });
        lines.collect::<String>()
    };
    let deeper = |it: &str| {
        let lines = it.split_inclusive('\n').map(|line| match line.trim() {
            "" => line.to_owned(),
            _ => format!("    {line}"),
        });
        format!("if True:\n{}", lines.collect::<String>())
    };
    let changes: [&dyn Fn(&str) -> String; 3] = [&windows, &tabs, &deeper];
    for path in programs("safe") {
        let before = fs::read_to_string(&path).expect("a program");
        let expected =
            fs::read_to_string(path.with_extension("fixed")).expect("what becomes of it");
        // That import stands at the top of a file only.
        let is_movable = !before.contains("from __future__");
        let changes = &changes[..if is_movable { 3 } else { 2 }];
        for (number, change) in changes.iter().enumerate() {
            let (after, ..) = fixed(change(&before).as_bytes(), &[]);
            assert_eq!(
                text(&after),
                change(&expected),
                "{} {number}",
                path.display()
            );
        }
    }
}

#[test]
fn a_preview_is_a_diff_and_changes_nothing() {
    let folder = TempDir::with_prefix("fix").expect("a temporary folder");
    let path = folder.path().join("app.py");
    fs::write(&path, LEAK).expect("a file");
    let run = heaplint(folder.path(), &["app.py", "--preview-fix"]);
    assert_eq!(run.status.code(), Some(1));
    let diff = "--- a/app.py\n+++ b/app.py\n@@ -1,3 +1,3 @@\n def read(path):\n-    f = open(path)\n-    return f.read()\n+    with open(path) as f:\n+        return f.read()\n";
    assert_eq!(text(&run.stdout), diff);
    assert_eq!(fs::read_to_string(&path).expect("still there"), LEAK);
    fs::write(&path, FIXED).expect("a file");
    let run = heaplint(folder.path(), &["app.py", "--preview-fix"]);
    assert_eq!(
        (run.status.code(), text(&run.stdout)),
        (Some(0), String::new())
    );
}

#[test]
fn encoding_line_ends_and_marks_stay() {
    let windows = LEAK.replace('\n', "\r\n");
    let with_mark = [b"\xEF\xBB\xBF", windows.as_bytes()].concat();
    let (after, ..) = fixed(&with_mark, &[]);
    let expected = FIXED.replace('\n', "\r\n");
    assert_eq!(after, [b"\xEF\xBB\xBF", expected.as_bytes()].concat());

    let latin = [b"# coding: latin-1\nNAME = '\xe9'\n", LEAK.as_bytes()].concat();
    let (after, ..) = fixed(&latin, &[]);
    assert_eq!(
        after,
        [b"# coding: latin-1\nNAME = '\xe9'\n", FIXED.as_bytes()].concat()
    );

    let sjis = [b"# coding: shift_jis\nNAME = '\x83\x65'\n", LEAK.as_bytes()].concat();
    let (after, ..) = fixed(&sjis, &[]);
    assert_eq!(
        after,
        [
            b"# coding: shift_jis\nNAME = '\x83\x65'\n",
            FIXED.as_bytes()
        ]
        .concat()
    );

    let (after, ..) = fixed(LEAK.trim_end().as_bytes(), &[]);
    assert_eq!(text(&after), FIXED.trim_end());

    let old = LEAK.replace('\n', "\r");
    let (after, ..) = fixed(old.as_bytes(), &[]);
    assert_eq!(text(&after), FIXED.replace('\n', "\r"));
}

#[test]
fn a_file_with_syntax_errors_is_left_alone() {
    let broken = format!("{LEAK}\ndef (\n");
    let (after, ..) = fixed(broken.as_bytes(), &[]);
    assert_eq!(text(&after), broken);
}

#[cfg(unix)]
#[test]
fn links_are_written_through_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = TempDir::with_prefix("fix").expect("a temporary folder");
    let real = folder.path().join("real.py");
    fs::write(&real, LEAK).expect("a file");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o754)).expect("permissions");
    symlink("real.py", folder.path().join("link.py")).expect("a link");
    heaplint(folder.path(), &["link.py", "--fix"]);
    assert_eq!(fs::read_to_string(&real).expect("still there"), FIXED);
    assert!(folder.path().join("link.py").is_symlink());
    let mode = fs::metadata(&real)
        .expect("still there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o754);
    fs::write(&real, LEAK).expect("a file");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o444)).expect("permissions");
    let run = heaplint(folder.path(), &["real.py", "--fix"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(
        text(&run.stderr).contains("real.py: it is read-only"),
        "{}",
        text(&run.stderr)
    );
    assert_eq!(fs::read_to_string(&real).expect("still there"), LEAK);
}

#[test]
fn wrong_use_is_said() {
    let folder = TempDir::with_prefix("fix").expect("a temporary folder");
    for args in [&["--unsafe"][..], &["--fix", "--preview-fix"]] {
        let run = heaplint(folder.path(), args);
        assert_eq!(run.status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn comments_that_silence_nothing_are_taken_out() {
    let before =
        "a = 1  # noqa: HL101, E501\n# heaplint: ignore-file[HL104]\nb = 2  # noqa: HL201\n";
    let folder = TempDir::with_prefix("fix").expect("a temporary folder");
    let path = folder.path().join("app.py");
    fs::write(&path, before).expect("a file");
    let run = heaplint(folder.path(), &[".", "--fix"]);
    let after = fs::read_to_string(&path).expect("still there");
    assert_eq!(
        after,
        "a = 1  # noqa: E501\nb = 2\n",
        "{}",
        text(&run.stderr)
    );
}
