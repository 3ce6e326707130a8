//! Coming to an existing repository through the binary: baselines, changed lines, one file from an editor, several
//! projects, watching.

#[path = "tools/binary.rs"]
mod binary;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use binary::{Run, command, folder, heaplint, run, write};
use tempfile::TempDir;

const LEAK: &str =
    "CACHE = {}\n\n\ndef get(key):\n    CACHE[key] = object()\n    return CACHE[key]\n";
const CLEAN: &str = "def double(x):\n    return 2 * x\n";

fn concise(at: &Path, more: &[&str]) -> Run {
    heaplint(at, &[&["check", "-o", "concise"], more].concat())
}

fn git(at: &Path, args: &[&str]) {
    let run = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(args)
        .current_dir(at)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(
        run.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
}

fn repository(files: &[(&str, &str)]) -> TempDir {
    let at = folder(files);
    git(at.path(), &["init", "-q", "-b", "main"]);
    git(at.path(), &["add", "."]);
    git(at.path(), &["commit", "-q", "-m", "first"]);
    at
}

/// The module-level cache `name`, which leaks.
fn cache(name: &str) -> String {
    format!("{name} = {{}}\n\n\ndef put_{name}(key):\n    {name}[key] = object()\n\n\n")
}

#[test]
fn what_a_baseline_knows_is_not_reported() {
    let at = folder(&[("app.py", LEAK)]);
    let run = heaplint(at.path(), &["baseline", "write"]);
    assert_eq!((run.code, &*run.out), (0, ""), "{}", run.err);
    assert!(
        run.err.contains("1 finding in heaplint-baseline.json"),
        "{}",
        run.err
    );
    let flag = ["--baseline", "heaplint-baseline.json"];
    let run = concise(at.path(), &flag);
    assert_eq!((run.code, &*run.out), (0, ""), "{}", run.err);
    // Without the flag, and with the setting.
    assert_eq!(concise(at.path(), &[]).code, 1);
    write(
        at.path(),
        "heaplint.toml",
        "baseline = \"heaplint-baseline.json\"\n",
    );
    assert_eq!(concise(at.path(), &[]).code, 0);
}

#[test]
fn a_baseline_survives_moves_and_edits_elsewhere() {
    let at = folder(&[("app.py", &(cache("A") + &cache("B")))]);
    heaplint(at.path(), &["baseline", "write", "--quiet"]);
    let flag = ["--baseline", "heaplint-baseline.json"];
    // In the other order, further below, with another indent, and with something new between.
    let moved = format!(
        "import os\n\nX = os.sep\n\n{}class Point:\n    x = 1\n\n\n{}",
        cache("B"),
        cache("A")
            .replace("    A[key]", "        A[key]")
            .replace("def put_A(key):", "def put_A(key):\n    if key:"),
    );
    write(at.path(), "app.py", &moved);
    let run = concise(at.path(), &flag);
    assert_eq!((run.code, &*run.out), (0, ""), "{}", run.err);
    assert!(!run.err.contains("baseline"), "{}", run.err);
    // Something new is reported, and alone.
    write(at.path(), "app.py", &(moved + &cache("C")));
    let run = concise(at.path(), &flag);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    assert!(run.out.contains("`C`"), "{}", run.out);
}

#[test]
fn equal_findings_are_counted() {
    let twice = "def a(p):\n    f = open(p)\n    f.read()\n\n\n".to_owned();
    let text = twice.clone() + &twice.replace("def a", "def b");
    let at = folder(&[("app.py", &text)]);
    heaplint(at.path(), &["baseline", "write", "--quiet"]);
    let flag = ["--baseline", "heaplint-baseline.json"];
    assert_eq!(concise(at.path(), &flag).code, 0);
    write(
        at.path(),
        "app.py",
        &(text.clone() + &twice.replace("def a", "def c")),
    );
    let run = concise(at.path(), &flag);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
}

#[test]
fn what_is_fixed_is_told_and_pruned() {
    let at = folder(&[("app.py", &(cache("A") + &cache("B"))), ("other.py", LEAK)]);
    heaplint(at.path(), &["baseline", "write", "--quiet"]);
    let flag = ["--baseline", "heaplint-baseline.json"];
    write(at.path(), "app.py", &cache("A"));
    let run = concise(at.path(), &flag);
    assert_eq!(run.code, 0);
    assert!(run.err.contains("1 entry is fixed"), "{}", run.err);
    // What was not looked at is not called fixed.
    let run = concise(at.path(), &[&["other.py"], &flag[..]].concat());
    assert!(!run.err.contains("fixed"), "{}", run.err);
    let run = concise(at.path(), &[&["--select", "HL2"], &flag[..]].concat());
    assert!(!run.err.contains("fixed"), "{}", run.err);
    let run = heaplint(at.path(), &["baseline", "prune"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("1 taken out, 2 left"), "{}", run.err);
    assert!(!concise(at.path(), &flag).err.contains("fixed"));
    // It comes back.
    write(at.path(), "app.py", &(cache("A") + &cache("B")));
    assert_eq!(concise(at.path(), &flag).code, 1);
}

#[test]
fn a_baseline_is_the_same_each_time_and_sorted() {
    let at = folder(&[("b.py", &cache("B")), ("a.py", &(cache("Z") + &cache("A")))]);
    let text = || {
        heaplint(
            at.path(),
            &["baseline", "write", "--quiet", "--threads", "2"],
        );
        fs::read_to_string(at.path().join("heaplint-baseline.json")).expect("it was written")
    };
    let first = text();
    assert_eq!(first, text());
    let json: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    let paths: Vec<_> = json["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["path"].clone())
        .collect();
    assert_eq!(paths, ["a.py", "a.py", "b.py"]);
    assert!(!first.contains("\"line\":5"), "no line numbers: {first}");
}

#[test]
fn a_damaged_baseline_is_one_error() {
    let at = folder(&[
        ("app.py", LEAK),
        ("b.json", "{\"version\": 1}"),
        ("v.json", "{\"version\": 9, \"findings\": []}"),
    ]);
    for (file, what) in [
        ("b.json", "not a baseline"),
        ("v.json", "version 9"),
        ("none.json", "baseline write"),
    ] {
        let run = concise(at.path(), &["--baseline", file]);
        assert_eq!((run.code, &*run.out), (2, ""), "{}", run.err);
        assert!(
            run.err.starts_with("error: ") && run.err.contains(what) && run.err.contains(file),
            "{}",
            run.err
        );
    }
}

#[test]
fn changed_lines_count_with_what_they_make_leak() {
    let at = repository(&[
        ("app.py", &(cache("A") + &cache("B"))),
        ("store.py", "SEEN = {}\n\n\ndef put(key):\n    pass\n"),
    ]);
    let run = concise(at.path(), &["--diff"]);
    assert_eq!((run.code, &*run.out), (0, ""), "{}", run.err);
    // The container is where it was; what makes it grow is new.
    write(
        at.path(),
        "use.py",
        "import store\n\n\ndef handle(key):\n    store.SEEN[key] = object()\n",
    );
    let run = concise(at.path(), &["--diff"]);
    assert_eq!(run.out.lines().count(), 1, "{}{}", run.out, run.err);
    assert!(run.out.contains("use.py:5"), "{}", run.out);
    git(at.path(), &["add", "."]);
    git(at.path(), &["commit", "-q", "-m", "second"]);
    assert_eq!(concise(at.path(), &["--diff"]).code, 0);
    assert_eq!(
        concise(at.path(), &["--diff", "HEAD~1"])
            .out
            .lines()
            .count(),
        1
    );
    // The line that makes the container, not the one that makes it grow.
    write(
        at.path(),
        "store.py",
        "SEEN = dict()\n\n\ndef put(key):\n    pass\n",
    );
    let run = concise(at.path(), &["--diff"]);
    assert_eq!(run.out.lines().count(), 1, "{}{}", run.out, run.err);
    // From a folder inside, of a branch, and of all.
    write(at.path(), "sub/mod.py", CLEAN);
    assert_eq!(
        concise(&at.path().join("sub"), &["..", "--diff", "main"])
            .out
            .lines()
            .count(),
        1
    );
    assert_eq!(concise(at.path(), &[]).out.lines().count(), 3);
}

#[test]
fn a_diff_of_unusual_names_is_read() {
    let names = ["a b.py", "caf\u{e9}.py", "-rf.py", "$(x).py", "a\"q.py"];
    let files: Vec<(&str, String)> = names.iter().map(|it| (*it, cache("A"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|it| (it.0, &*it.1)).collect();
    let at = repository(&files);
    for name in names {
        write(at.path(), name, &cache("B"));
    }
    let run = concise(at.path(), &["--diff"]);
    assert_eq!(
        run.out.lines().count(),
        names.len(),
        "{}{}",
        run.out,
        run.err
    );
}

#[test]
fn a_repository_without_commits_is_all_new() {
    let at = folder(&[("app.py", LEAK)]);
    git(at.path(), &["init", "-q"]);
    assert_eq!(concise(at.path(), &["--diff"]).code, 1);
}

#[test]
fn a_diff_that_cannot_be_made_is_one_error() {
    let at = folder(&[("app.py", LEAK)]);
    let outside = concise(at.path(), &["--diff"]);
    assert_eq!((outside.code, &*outside.out), (2, ""), "{}", outside.err);
    assert!(outside.err.contains("git repository"), "{}", outside.err);
    let at = repository(&[("app.py", LEAK)]);
    for (revision, what) in [
        ("nonsense", "`nonsense` is no revision"),
        ("app.py", "--diff HEAD app.py"),
    ] {
        let run = concise(at.path(), &["--diff", revision]);
        assert_eq!((run.code, &*run.out), (2, ""), "{}", run.err);
        assert!(run.err.contains(what), "{}", run.err);
    }
    let run = concise(at.path(), &["--diff=--output=x"]);
    assert_eq!(run.code, 2, "{}", run.err);
}

#[test]
fn completions_and_the_manual_know_the_flags() {
    let at = folder(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = heaplint(at.path(), &["completions", shell]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.contains("fail-level"), "{shell}");
    }
    assert_eq!(heaplint(at.path(), &["completions", "cmd"]).code, 2);
    let man = heaplint(at.path(), &["man"]);
    assert_eq!(man.code, 0, "{}", man.err);
    assert!(
        man.out.contains(".TH heaplint") && man.out.contains("fail\\-level"),
        "{}",
        man.out
    );
}

#[test]
fn watching_checks_again_after_a_change() {
    let at = folder(&[("app.py", CLEAN), ("store.py", "SEEN = {}\n")]);
    let mut child = command(at.path(), &["check", "--watch", "-o", "concise", "."])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let (sender, lines) = mpsc::channel();
    for pipe in [
        Box::new(child.stdout.take().expect("piped")) as Box<dyn std::io::Read + Send>,
        Box::new(child.stderr.take().expect("piped")),
    ] {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    // Of two pipes, either may be read first.
    let wait_for = |all: &[&str]| {
        let limit = Duration::from_secs(60);
        let mut left = all.to_vec();
        while !left.is_empty()
            && let Ok(line) = lines.recv_timeout(limit)
        {
            left.retain(|it| !line.contains(it));
        }
        left.is_empty()
    };
    let is_ready = wait_for(&["watching for changes"]);
    // A change in one file makes a container of another leak: the program is checked whole.
    write(
        at.path(),
        "app.py",
        "import store\n\n\ndef handle(key):\n    store.SEEN[key] = object()\n",
    );
    let is_found = is_ready && wait_for(&["HL101", "watching for changes"]);
    write(at.path(), "app.py", CLEAN);
    let is_clean = is_found && wait_for(&["no findings"]);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(
        is_ready && is_found && is_clean,
        "{is_ready} {is_found} {is_clean}"
    );
}

/// A file that an editor has open, and has not saved.
#[test]
fn standard_input_stands_for_a_file_in_its_project() {
    let at = folder(&[
        ("pyproject.toml", "[tool.heaplint]\n"),
        ("app/__init__.py", ""),
        (
            "app/store.py",
            "CACHE = {}\n\n\ndef keep(key, value):\n    CACHE[key] = value\n",
        ),
        ("app/web.py", CLEAN),
        ("app/other.py", LEAK),
    ]);
    let given = |args: &[&str], text: &str| {
        let args = [&["-o", "concise", "-q", "--stdin-filename"], args].concat();
        run(command(at.path(), &args), text)
    };
    let places = |run: &Run| -> Vec<String> {
        let lines = run.out.lines();
        lines
            .filter_map(|it| Some(it.split(' ').next()?.to_owned()))
            .collect()
    };
    let open = "def get(path):\n    f = open(path)\n    return f.read()\n";
    // The text is what counts, not the file on the disk; nothing is said of other files.
    for name in ["app/web.py", "app/new.py", "./app/web.py"] {
        let run = given(&[name], open);
        let shown = name.trim_start_matches("./");
        assert_eq!(run.code, 1, "{name}: {}", run.err);
        assert_eq!(places(&run), [format!("{shown}:2:9:")], "{name}");
    }
    let run = given(&["app/other.py", "-"], CLEAN);
    assert_eq!((run.code, &*run.out), (0, ""), "{}", run.err);
    // The program around says what a call does.
    let keeps =
        "from app import store\n\n\ndef get(path):\n    f = open(path)\n    store.keep(path, f)\n";
    let closes = keeps.replace("store.keep(path, f)", "store.close(f)");
    let run = given(&["app/web.py"], keeps);
    assert!(!run.out.contains("HL201"), "{}", run.out);
    write(
        at.path(),
        "app/store.py",
        "def close(file):\n    file.close()\n",
    );
    assert!(!given(&["app/web.py"], &closes).out.contains("never closed"));
    // What is fixed goes to standard output, alone; nothing on the disk changes.
    let fixing = binary::run(
        command(at.path(), &["--fix", "--stdin-filename", "app/web.py"]),
        open,
    );
    let fixed = "def get(path):\n    with open(path) as f:\n        return f.read()\n";
    assert_eq!(fixing.out, fixed, "{}", fixing.err);
    let on_disk = fs::read_to_string(at.path().join("app/web.py")).expect("still there");
    assert_eq!(on_disk, CLEAN);
}

/// In a repository of several projects each has its own.
#[test]
fn each_root_has_the_settings_of_its_nearest_file() {
    let at = folder(&[
        (
            "shop/pyproject.toml",
            "[tool.heaplint]\nignore = [\"HL101\"]\nexclude = [\"gone\"]\n",
        ),
        ("shop/app.py", LEAK),
        ("shop/gone/app.py", LEAK),
        (
            "bank/heaplint.toml",
            "per-file-ignores.\"job.py\" = [\"HL1\"]\nlevel = \"info\"\n",
        ),
        ("bank/app.py", LEAK),
        ("bank/job.py", LEAK),
        ("bank/gone/app.py", LEAK),
        ("bank/inner/heaplint.toml", "select = [\"HL3\"]\n"),
        ("bank/inner/app.py", LEAK),
        ("plain/app.py", LEAK),
    ]);
    let check = |args: &[&str]| {
        let run = heaplint(at.path(), &[args, &["-o", "concise", "-q"]].concat());
        assert_ne!(run.code, 2, "{}", run.err);
        let lines = run.out.lines().filter_map(|it| it.split(':').next());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let all = ["bank/app.py", "bank/gone/app.py"];
    assert_eq!(check(&["shop", "bank", "bank/inner"]), all);
    assert_eq!(check(&["bank/inner", "bank", "shop"]), all);
    let more = [&all[..], &["plain/app.py"]].concat();
    assert_eq!(check(&["plain", "shop", "bank", "bank/inner"]), more);
    assert_eq!(
        check(&["shop", "bank", "--ignore", "HL1"]),
        Vec::<String>::new()
    );
    // One root: one file of settings, as ever.
    assert_eq!(check(&["bank"]), ["app.py", "gone/app.py", "inner/app.py"]);
    let told = heaplint(at.path(), &["settings", "bank", "shop"]).out;
    assert!(told.contains("# bank/heaplint.toml"), "{told}");
    assert!(told.contains("# shop: shop/pyproject.toml, for"), "{told}");
    assert!(told.contains("level = \"info\""), "{told}");
}

#[test]
fn ignores_that_nothing_answers_to_are_told() {
    let settings = "[per-file-ignores]\n\"app.py\" = [\"HL101\"]\n\"job.py\" = [\"HL101\"]\n\"clean.py\" = [\"HL1\", \"HL2\"]\n";
    let at = folder(&[
        ("heaplint.toml", settings),
        ("app.py", LEAK),
        ("clean.py", "X = 1\n"),
        ("lib/more.py", LEAK),
    ]);
    let told = |args: &[&str]| {
        let run = heaplint(at.path(), args);
        let lines = run.err.lines().filter(|it| it.contains("per-file-ignores"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = told(&["."]);
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert!(whole[0].contains("heaplint.toml:3:1"), "{whole:?}");
    assert!(
        whole[0].contains("nothing in `job.py` is found by HL101"),
        "{whole:?}"
    );
    assert!(
        whole[1].contains("`clean.py` is found by HL1, HL2"),
        "{whole:?}"
    );
    // A part of the project, or of the rules, does not tell.
    assert_eq!(told(&["lib"]), Vec::<String>::new());
    assert_eq!(told(&["app.py"]), Vec::<String>::new());
    assert_eq!(told(&[".", "--select", "HL1"]).len(), 1);
}
