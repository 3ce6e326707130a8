//! The binary as people and scripts use it: exit codes, flags, what goes where.

#[path = "tools/binary.rs"]
mod binary;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use binary::{Run, folder, heaplint};

const LEAK: &str =
    "CACHE = {}\n\n\ndef get(key):\n    CACHE[key] = object()\n    return CACHE[key]\n";
const CLEAN: &str = "def double(x):\n    return 2 * x\n";

fn leak(args: &[&str]) -> Run {
    heaplint(folder(&[("app.py", LEAK)]).path(), args)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Wrong use: code 2, nothing on standard output, one line of error that holds `what`.
fn refuses(args: &[&str], what: &str) {
    let run = leak(args);
    assert_eq!(run.code, 2, "{args:?}: {}", run.err);
    assert_eq!(run.out, "", "{args:?}");
    let errors = run.err.lines().filter(|it| it.starts_with("error:"));
    assert_eq!(errors.count(), 1, "{args:?}: {}", run.err);
    assert!(run.err.contains(what), "{args:?}: {}", run.err);
}

#[test]
fn findings_are_1_and_none_is_0() {
    assert_eq!(leak(&["check", "."]).code, 1);
    let clean = folder(&[("app.py", CLEAN)]);
    let run = heaplint(clean.path(), &["check", "."]);
    assert_eq!((run.code, &*run.out), (0, ""), "{}", run.err);
}

#[test]
fn an_empty_folder_is_no_error() {
    assert_eq!(heaplint(folder(&[]).path(), &["check", "."]).code, 0);
}

#[test]
fn check_is_the_default_command() {
    let words = ["-o", "concise", "--quiet"];
    let with = leak(&[&["check", "app.py"], &words[..]].concat());
    for args in [&["app.py"][..], &[], &["."]] {
        let without = leak(&[args, &words].concat());
        assert_eq!((without.code, &without.out), (1, &with.out));
    }
}

#[test]
fn wrong_use_is_2_and_one_clear_error() {
    refuses(&["check", "-o", "nonsense", "."], "nonsense");
    refuses(&["check", "--select", "HL999", "."], "HL999");
    refuses(&["check", "--ignore", "no-such-rule", "."], "no-such-rule");
    refuses(&["check", "--no-such-flag"], "--no-such-flag");
    refuses(&["check", "no/such/path"], "no/such/path");
    refuses(&["check", "--level", "loud", "."], "loud");
    refuses(&["check", "--confidence", "0.9", "."], "0.9");
    refuses(&["check", "--target-version", "two", "."], "two");
    refuses(&["check", "--program", "script", "."], "script");
    refuses(&["check", "--threads", "0", "."], "--threads");
    refuses(&["check", "-o", "json", "-o", "json", "."], "--output");
    refuses(&["check", "--settings", "none.toml", "."], "none.toml");
    refuses(&["rule", "HL999"], "HL999");
}

#[test]
fn unreadable_settings_are_2() {
    let at = folder(&[("app.py", LEAK), ("heaplint.toml", "selekt = []\n")]);
    let run = heaplint(at.path(), &["check", "."]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("selekt"), "{}", run.err);
    assert_eq!(heaplint(at.path(), &["check", "--isolated", "."]).code, 1);
}

#[test]
fn rules_are_chosen_by_code_family_and_name() {
    for chosen in [
        "HL101",
        "HL1",
        "unbounded-global-container",
        "ALL",
        "HL3,HL101",
    ] {
        assert_eq!(leak(&["--select", chosen]).code, 1, "{chosen}");
    }
    assert_eq!(leak(&["--select", "HL3"]).code, 0);
    for ignored in ["HL101", "HL1", "unbounded-global-container", "ALL"] {
        assert_eq!(leak(&["--ignore", ignored]).code, 0, "{ignored}");
    }
    assert_eq!(leak(&["--select", "HL1", "--ignore", "HL101"]).code, 0);
}

#[test]
fn level_confidence_and_fail_level() {
    let file = fixtures().join("articles/cycle_with_del.py");
    let file = file.to_str().expect("a path in UTF-8");
    let run = |args: &[&str]| leak(&[&["--isolated", file], args].concat());
    assert_eq!(run(&[]).code, 1);
    assert_eq!(run(&["--level", "error"]).code, 0);
    assert_eq!(run(&["--level", "info"]).code, 1);
    let failing = run(&["--fail-level", "error", "-o", "concise"]);
    assert_eq!(failing.code, 0);
    assert!(failing.out.contains("HL301"), "{}", failing.out);
    assert_eq!(
        run(&["--target-version", "3.3", "--level", "error"]).code,
        1
    );
    assert_eq!(leak(&["--confidence", "low"]).code, 1);
}

#[test]
fn exit_zero_still_reports() {
    let run = leak(&["--exit-zero", "-o", "concise"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("HL101"));
    refuses(&["--exit-zero", "no/such/path"], "no/such/path");
}

#[test]
fn quiet_prints_findings_only() {
    let run = leak(&["--quiet", "-o", "concise"]);
    assert_eq!(run.err, "");
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    assert!(run.out.starts_with("app.py:5:5: HL101 "), "{}", run.out);
}

#[test]
fn the_summary_goes_to_standard_error() {
    let run = leak(&["-o", "concise"]);
    assert!(run.err.starts_with("1 error in 1 of 1 file"), "{}", run.err);
    assert!(!run.out.contains("in 1 of"));
}

#[test]
fn statistics_count_by_rule() {
    let run = leak(&["--statistics", "--quiet", "-o", "concise"]);
    let last = run.out.lines().last().expect("a line");
    let words: Vec<_> = last.split_whitespace().collect();
    assert_eq!(words, ["1", "HL101", "unbounded-global-container"]);
}

#[test]
fn show_files_lists_and_stops() {
    let at = folder(&[("b.py", LEAK), ("a/c.py", LEAK), ("note.txt", "")]);
    let run = heaplint(at.path(), &["--show-files", "."]);
    assert_eq!((run.code, &*run.out), (0, "a/c.py\nb.py\n"));
    let run = heaplint(at.path(), &["--show-files", "--exclude", "a", "."]);
    assert_eq!(run.out, "b.py\n");
}

#[test]
fn json_is_one_document() {
    let run = leak(&["-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).expect("one document");
    let finding = &json["findings"][0];
    assert_eq!(finding["code"], "HL101");
    assert_eq!(finding["location"]["path"], "app.py");
    assert_eq!(finding["location"]["start"]["line"], 5);
    for key in "name severity confidence message labels path symbol fingerprint".split(' ') {
        assert!(!finding[key].is_null(), "{key}");
    }
    let clean = folder(&[("app.py", CLEAN)]);
    let json: serde_json::Value =
        serde_json::from_str(&heaplint(clean.path(), &["-o", "json"]).out).expect("one document");
    assert_eq!(json["findings"], serde_json::json!([]));
}

#[test]
fn formats_go_to_files() {
    let at = folder(&[("app.py", LEAK)]);
    let words = [
        "-o",
        "json:out.json",
        "-o",
        "concise:out.txt",
        "-q",
        "--no-cache",
    ];
    let run = heaplint(at.path(), &words);
    assert_eq!((run.code, &*run.out), (1, ""));
    let read = |name: &str| fs::read_to_string(at.path().join(name)).expect("it is written");
    assert!(read("out.txt").starts_with("app.py:5:5: HL101"));
    assert!(serde_json::from_str::<serde_json::Value>(&read("out.json")).is_ok());
    let left: Vec<_> = fs::read_dir(at.path()).expect("listed").collect();
    assert_eq!(left.len(), 3, "no temporary file is left");
    let run = heaplint(at.path(), &["-o", "json:no/such/folder/out.json"]);
    assert_eq!(run.code, 2, "{}", run.err);
}

/// `--output json:/dev/null` by root once put a plain file in the device's place.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let at = folder(&[("app.py", LEAK), ("real.json", "old")]);
    std::os::unix::fs::symlink("real.json", at.path().join("link.json")).expect("a link");
    assert_eq!(heaplint(at.path(), &["-o", "json:link.json"]).code, 1);
    let link = fs::symlink_metadata(at.path().join("link.json")).expect("it is still there");
    assert!(link.is_symlink());
    let text = fs::read_to_string(at.path().join("real.json")).expect("a report");
    assert!(text.starts_with('{'), "{text}");

    let pipe = at.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|it| it.success()) {
        eprintln!("skipped: no mkfifo here");
        return;
    }
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).expect("what comes through the pipe")
    });
    assert_eq!(heaplint(at.path(), &["-o", "json:pipe"]).code, 1);
    let kind = fs::symlink_metadata(&pipe)
        .expect("it is still there")
        .file_type();
    assert!(kind.is_fifo());
    assert!(reader.join().expect("the reader ends").starts_with('{'));
}

#[test]
fn an_unreadable_file_is_a_notice_and_the_run_goes_on() {
    let at = folder(&[("app.py", LEAK), ("broken.py", "x = (1,\n\ny = = 2\n")]);
    fs::write(at.path().join("latin.py"), b"name = '\xff'\n").expect("a file");
    let run = heaplint(at.path(), &["-o", "concise", "."]);
    assert_eq!(run.code, 1);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    let about = |name: &str| run.err.lines().filter(|it| it.starts_with(name)).count();
    assert!(about("broken.py:") >= 1, "{}", run.err);
    assert_eq!(about("latin.py:1:"), 1, "{}", run.err);
    assert!(run.err.contains("[syntax-error]"), "{}", run.err);
    fs::remove_file(at.path().join("app.py")).expect("removed");
    assert_eq!(heaplint(at.path(), &["."]).code, 0, "notices do not fail");
}

/// A stub says which classes there are, and nothing of what its functions do; a stub of a library that we know says nothing.
#[test]
fn stubs_are_believed_in_their_classes() {
    let native = "import enum\nclass Kind(enum.Enum): ...\ndef keep(file) -> None: ...\n";
    let app = "import functools, sqlite3\nfrom native import Kind, keep\n\nclass Color(Kind):\n    @functools.lru_cache(maxsize=None)\n    def mix(self, other): return other\n\n\ndef kept(path):\n    f = open(path)\n    keep(f)\n\n\ndef query(path):\n    c = sqlite3.connect(path)\n    return c.execute('select 1').fetchone()\n";
    let lines = |files: &[(&str, &str)]| {
        let run = heaplint(folder(files).path(), &["-o", "concise", "."]);
        let places = run.out.lines().filter_map(|it| it.split(' ').next());
        places.map(str::to_owned).collect::<Vec<_>>()
    };
    let query = "app.py:15:9:";
    assert_eq!(lines(&[("app.py", app)]), ["app.py:5:6:", query]);
    let stub = [("native.pyi", native), ("app.py", app)];
    assert_eq!(lines(&stub), [query]);
    let source = [("native.py", native), ("app.py", app)];
    assert_eq!(lines(&source), ["app.py:10:9:", query]);
    let foreign = "class Connection: ...\ndef connect(path): ...\n";
    let known = [stub[0], stub[1], ("sqlite3.pyi", foreign)];
    assert_eq!(lines(&known), [query]);
}

#[test]
fn annotations_of_locals_never_run() {
    let found = |line: &str| {
        let app = format!("def f(p):\n    {line}\n    return x\n");
        let run = heaplint(folder(&[("app.py", &app)]).path(), &["-o", "concise", "."]);
        run.out.lines().count()
    };
    assert_eq!(found("y = open(p); x = y.read()"), 1);
    assert_eq!(found("x: open(p) = 1; y: open(p)"), 0);
}

#[test]
fn a_file_that_is_too_long_is_a_notice() {
    let dir = folder(&[("a.py", "x = 1\n"), ("long.py", "")]);
    let long = fs::File::options()
        .write(true)
        .open(dir.path().join("long.py"))
        .expect("written");
    long.set_len(heaplint::limits::MAX_FILE + 1)
        .expect("sparse");
    let run = heaplint(dir.path(), &["."]);
    assert_eq!(run.code, 0);
    assert!(
        run.err
            .contains("long.py: [unreadable] not read: 67108865 bytes"),
        "{}",
        run.err
    );
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let fixtures = fixtures();
    let run = |format, threads| {
        let words = [
            "check",
            "--isolated",
            "--quiet",
            "-o",
            format,
            "--threads",
            threads,
            ".",
        ];
        let run = heaplint(&fixtures, &words);
        assert_eq!(run.code, 1, "{}", run.err);
        run.out
    };
    for format in ["concise", "json", "full"] {
        let one = run(format, "1");
        assert!(one.contains("HL101"));
        for threads in ["2", "5"] {
            assert!(
                one == run(format, threads),
                "{format} with {threads} threads"
            );
        }
    }
}

#[test]
fn comments_silence() {
    for comment in [
        "# noqa",
        "# noqa: HL101",
        "# noqa: E501, HL101",
        "# heaplint: ignore[HL101]",
        "# heaplint: ignore[HL1] known and small",
        "# heaplint: ignore[unbounded-global-container]",
    ] {
        let text = LEAK.replace("object()\n", &format!("object()  {comment}\n"));
        let run = heaplint(folder(&[("app.py", &text)]).path(), &["."]);
        assert_eq!(run.code, 0, "{comment}: {}", run.out);
    }
    for comment in [
        "# noqa: E501",
        "# heaplint: ignore[HL301]",
        "# ignore[HL101]",
    ] {
        let text = LEAK.replace("object()\n", &format!("object()  {comment}\n"));
        let run = heaplint(folder(&[("app.py", &text)]).path(), &["."]);
        assert_eq!(run.code, 1, "{comment}");
    }
    let text = format!("# heaplint: ignore-file[HL101]\n{LEAK}");
    assert_eq!(
        heaplint(folder(&[("app.py", &text)]).path(), &["."]).code,
        0
    );
}

#[test]
fn settings_are_read_and_flags_win() {
    let settings = "[tool.heaplint]\nignore = [\"HL101\"]\n";
    let at = folder(&[("app.py", LEAK), ("pyproject.toml", settings)]);
    assert_eq!(heaplint(at.path(), &["."]).code, 0);
    assert_eq!(heaplint(at.path(), &["--isolated", "."]).code, 1);
    let settings = "[tool.heaplint]\nselect = [\"HL3\"]\n";
    let at = folder(&[("app.py", LEAK), ("pyproject.toml", settings)]);
    assert_eq!(heaplint(at.path(), &["."]).code, 0);
    assert_eq!(heaplint(at.path(), &["--select", "HL1", "."]).code, 1);
}

#[test]
fn pages_of_the_rules() {
    let list = leak(&["rule"]);
    assert_eq!(list.code, 0);
    assert!(
        list.out.lines().all(|it| it.starts_with("HL")),
        "{}",
        list.out
    );
    for name in ["HL101", "hl101", "unbounded-global-container"] {
        let page = leak(&["rule", name]);
        assert_eq!(page.code, 0);
        assert!(page.out.starts_with("HL101 # "), "{}", page.out);
        assert!(page.out.contains("## Why it leaks"));
    }
    let json = leak(&["rule", "-o", "json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("one document");
    let count = json.as_array().expect("a list").len();
    assert_eq!(count, list.out.lines().count());
}

#[test]
fn help_and_version_are_0() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["check", "--help"],
        &["help"],
    ] {
        let run = leak(args);
        assert_eq!((run.code, &*run.err), (0, ""), "{args:?}");
        assert!(run.out.contains("heaplint"), "{args:?}");
    }
}

#[test]
fn no_escape_sequences_in_pipes() {
    for format in ["full", "concise", "json"] {
        let run = leak(&["-o", format]);
        assert!(
            !run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'),
            "{format}"
        );
    }
    for args in [
        &["rule", "HL101"][..],
        &["--help"],
        &["no/such/path"],
        &["--nonsense"],
    ] {
        let run = leak(args);
        assert!(
            !run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'),
            "{args:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn hostile_names_are_shown_and_not_sent() {
    let name = "a\u{1b}[31mb\n\u{202e}c d.py";
    let at = folder(&[(name, LEAK), ("-o.py", LEAK), ("x = (1.py", "x = (")]);
    for format in ["concise", "full", "json"] {
        let run = heaplint(at.path(), &["-o", format, "."]);
        assert_eq!(run.code, 1, "{}", run.err);
        // A bidi character is data to a script, and a trick on a person.
        let is_unsafe = |c: char| c == '\u{1b}' || c == '\u{202e}' && format != "json";
        for text in [&run.out, &run.err] {
            assert!(!text.contains(is_unsafe), "{format}: {text:?}");
        }
    }
    let run = heaplint(at.path(), &["-o", "concise", "--quiet", "."]);
    assert_eq!(
        run.out.lines().count(),
        2,
        "one line a finding: {:?}",
        run.out
    );
    let run = heaplint(at.path(), &["--show-files", "."]);
    assert!(!run.out.contains('\u{1b}'), "{:?}", run.out);
    let run = heaplint(at.path(), &["-o", "concise", "--quiet", "--", "-o.py"]);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_text_is_read() {
    use std::os::unix::ffi::OsStrExt;
    let at = folder(&[]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    if fs::write(at.path().join(name), LEAK).is_err() {
        return; // A file system of Unicode names.
    }
    let run = heaplint(at.path(), &["-o", "json", "."]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(serde_json::from_str::<serde_json::Value>(&run.out).is_ok());
}

#[cfg(unix)]
#[test]
fn links_that_form_a_circle_end() {
    let at = folder(&[("pkg/app.py", LEAK)]);
    std::os::unix::fs::symlink(at.path(), at.path().join("pkg/again")).expect("a link");
    let run = heaplint(at.path(), &["-o", "concise", "--quiet", "."]);
    assert_eq!((run.code, run.out.lines().count()), (1, 1), "{}", run.out);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["--isolated", "--quiet", "-o", "json", "."])
        .current_dir(fixtures())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!err.contains("panic"), "{err}");
    assert_eq!(output.status.code(), Some(0), "{err}");
}

/// The binary with these variables, in a folder below another.
fn in_workspace(variable: &str, format: &str) -> Run {
    let workspace = folder(&[("backend/pyproject.toml", ""), ("backend/app.py", LEAK)]);
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["-q", "-o", format])
        .current_dir(workspace.path().join("backend"))
        .env(variable, workspace.path())
        .output()
        .expect("the binary runs");
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("output is text"),
        err: String::from_utf8(output.stderr).expect("messages are text"),
    }
}

#[test]
fn services_get_paths_from_the_repository_s_root() {
    let cases = [
        ("GITHUB_WORKSPACE", "github", "file=backend/app.py,"),
        ("GITHUB_WORKSPACE", "sarif", "\"uri\": \"backend/app.py\""),
        ("CI_PROJECT_DIR", "gitlab", "\"path\": \"backend/app.py\""),
        (
            "BUILD_SOURCESDIRECTORY",
            "azure",
            "sourcepath=backend/app.py;",
        ),
    ];
    for (variable, format, place) in cases {
        let run = in_workspace(variable, format);
        assert!(run.out.contains(place), "{format}: {}", run.out);
    }
    // People stand in the project.
    let run = in_workspace("GITHUB_WORKSPACE", "concise");
    assert!(run.out.starts_with("app.py:"), "{}", run.out);
}

#[test]
fn the_summary_of_a_job_is_added_to() {
    let job = folder(&[("app.py", LEAK), ("summary.md", "before\n")]);
    let summary = job.path().join("summary.md");
    let output = format!("markdown:{}", summary.display());
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_heaplint"))
            .args(["-q", "-o", &output])
            .current_dir(job.path())
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .expect("the binary runs")
    };
    run();
    run();
    let text = fs::read_to_string(&summary).expect("still there");
    assert!(text.starts_with("before\n## heaplint\n"), "{text}");
    assert_eq!(text.matches("## heaplint\n").count(), 2);
    // Any other file is replaced.
    heaplint(job.path(), &["-q", "-o", "markdown:summary.md"]);
    let text = fs::read_to_string(&summary).expect("still there");
    assert!(text.starts_with("## heaplint\n"), "{text}");
}

#[test]
fn errors_do_not_steer_the_terminal() {
    for args in [
        &["--\u{1b}[31m\u{202e}"][..],
        &["--select", "\u{1b}[31m\u{202e}\u{2028}"],
        &["-o", "\u{1b}[31m:x"],
        &["no\u{1b}[31m\u{202e}.py"],
    ] {
        let run = leak(args);
        assert_eq!(run.code, 2);
        let has_controls = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2028}".contains(c);
        assert!(!run.err.contains(has_controls), "{:?}", run.err);
    }
}

#[test]
fn standard_input_must_have_a_name() {
    refuses(&["check", "-"], "--stdin-filename");
    refuses(&["check", "--stdin-filename", "."], "is no file");
    refuses(&["check", "--stdin-filename", "no/such/a.py"], "no/such");
}
