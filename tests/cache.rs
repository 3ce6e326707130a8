//! What is kept between runs changes no byte of the output; neither does spreading a run over several.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Code and output of a run, without the time that the summary tells.
fn heaplint(at: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(args)
        .current_dir(at)
        .output()
        .expect("the binary runs");
    let err = String::from_utf8_lossy(&output.stderr);
    let err: Vec<&str> = err
        .lines()
        .map(|it| match it.rsplit_once(" · ") {
            Some((rest, time)) if time.ends_with('s') => rest,
            _ => it,
        })
        .collect();
    (
        output.status.code().expect("it ends by itself"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        err.join("\n"),
    )
}

const FILES: &[(&str, &str)] = &[
    ("pyproject.toml", "[tool.heaplint]\n"),
    ("app/__init__.py", ""),
    (
        "app/store.py",
        "CACHE = {}\n\n\ndef put(key, value):\n    CACHE[key] = value\n",
    ),
    (
        "app/web.py",
        "from app import store\n\n\ndef handle(request):\n    store.put(request.id, request)\n    return open(request.path)\n",
    ),
    ("app/broken.py", "def f(:\n    pass\n"),
    ("app/latin.py", "# -*- coding: latin-1 -*-\nX = 'e'\n"),
    (
        "tool/run.py",
        "import app.web\n\nLOG = []\n\n\ndef log(line):\n    LOG.append(line)\n",
    ),
];

fn project() -> TempDir {
    let folder = TempDir::with_prefix("cache").expect("a temporary folder");
    for (path, text) in FILES {
        let at = folder.path().join(path);
        fs::create_dir_all(at.parent().expect("below the folder")).expect("a folder");
        fs::write(at, text).expect("a file");
    }
    folder
}

const FORMATS: [&str; 3] = ["full", "json", "sarif"];

/// With and without a cache, and from it, everything is the same.
fn same(at: &Path, what: &str) {
    for format in FORMATS {
        let cold = heaplint(at, &["-o", format, "--no-cache"]);
        let warm = heaplint(at, &["-o", format]);
        let kept = heaplint(at, &["-o", format]);
        assert_eq!(cold, warm, "{what}");
        assert_eq!(cold, kept, "{what}, the second time");
    }
}

#[test]
fn the_output_is_the_same_over_edits() {
    let project = project();
    let at = project.path();
    same(at, "at first");
    assert!(at.join(".heaplint_cache").is_dir());
    let mut random = fastrand::Rng::with_seed(7);
    let lines = [
        "import app.store\n",
        "def more(request):\n    app.store.CACHE.clear()\n",
        "ITEMS = []\ndef add(x):\n    ITEMS.append(x)\n",
        "handle = open('x')\n",
        "# heaplint: ignore\n",
        "class (:\n",
    ];
    for round in 0..12 {
        let (path, text) = FILES[1 + random.usize(..FILES.len() - 1)];
        let file = at.join(path);
        match random.u8(..4) {
            0 => fs::write(&file, text).expect("a file"),
            1 if file.exists() => fs::remove_file(&file).expect("removed"),
            _ => {
                let now = fs::read_to_string(&file).unwrap_or_default();
                let line = lines[random.usize(..lines.len())];
                fs::write(&file, format!("{line}{now}")).expect("a file");
            }
        }
        same(at, &format!("round {round}"));
    }
}

#[test]
fn settings_and_flags_are_part_of_a_result() {
    let project = project();
    let at = project.path();
    for args in [
        &["-o", "concise"] as &[&str],
        &["-o", "concise", "--confidence", "low"],
        &["-o", "concise", "--program", "library"],
        &["-o", "concise", "--select", "HL2"],
        &["-o", "concise", "app"],
    ] {
        let without: Vec<&str> = args.iter().copied().chain(["--no-cache"]).collect();
        let expected = heaplint(at, &without);
        assert_eq!(heaplint(at, args), expected, "{args:?}");
        assert_eq!(heaplint(at, args), expected, "{args:?} again");
    }
}

#[test]
fn a_damaged_or_foreign_cache_is_as_none() {
    let project = project();
    let at = project.path();
    let cold = heaplint(at, &["--no-cache"]);
    heaplint(at, &[]);
    let cache = at.join(".heaplint_cache");
    for entry in fs::read_dir(&cache).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("a file");
        fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    }
    fs::write(cache.join("0.pack"), b"heaplint pack 1\nno pack").expect("written");
    fs::create_dir(cache.join("1.pack")).expect("a folder");
    assert_eq!(heaplint(at, &[]), cold);
    assert_eq!(heaplint(at, &["--cache-dir", "pyproject.toml"]), cold);
}

#[test]
fn runs_at_the_same_time_share_a_folder() {
    let project = project();
    let at = project.path();
    let cold = heaplint(at, &["--no-cache"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(heaplint(at, &[]), cold));
        }
    });
    assert_eq!(heaplint(at, &[]), cold);
    let names = fs::read_dir(at.join(".heaplint_cache")).expect("a folder");
    let parts = names.filter(|it| {
        let name = it.as_ref().expect("an entry").file_name();
        name.to_string_lossy().ends_with(".part")
    });
    assert_eq!(parts.count(), 0);
}

#[test]
fn clean_removes_what_was_kept() {
    let project = project();
    let at = project.path();
    heaplint(at, &[]);
    assert_eq!(heaplint(at, &["cache", "clean"]).0, 0);
    assert!(!at.join(".heaplint_cache").exists());
}

#[test]
fn parts_linked_are_the_whole() {
    let project = project();
    let at = project.path();
    for format in FORMATS {
        let whole = heaplint(at, &["-o", format, "--no-cache", "app", "tool"]);
        assert_eq!(heaplint(at, &["facts", "-q", "app", "-o", "a.facts"]).0, 0);
        assert_eq!(heaplint(at, &["facts", "-q", "tool", "-o", "b.facts"]).0, 0);
        let elsewhere = TempDir::with_prefix("link").expect("a folder");
        for name in ["a.facts", "b.facts"] {
            fs::rename(at.join(name), elsewhere.path().join(name)).expect("moved");
        }
        let linked = heaplint(
            elsewhere.path(),
            &["link", "-o", format, "b.facts", "a.facts", "a.facts"],
        );
        assert_eq!(linked, whole);
    }
}

#[test]
fn bad_files_of_facts_are_one_clear_error() {
    let project = project();
    let at = project.path();
    heaplint(at, &["facts", "-q", "app", "-o", "a.facts"]);
    let sound = fs::read(at.join("a.facts")).expect("a file");
    for cut in [0, 10, 16, sound.len() / 2, sound.len() - 1] {
        fs::write(at.join("cut.facts"), &sound[..cut]).expect("a file");
        let (code, out, err) = heaplint(at, &["link", "cut.facts"]);
        assert_eq!((code, out.as_str()), (2, ""), "cut at {cut}");
        assert!(err.contains("cut.facts: not a whole file"), "{err}");
    }
    for at_byte in (16..sound.len()).step_by(37) {
        let mut bytes = sound.clone();
        bytes[at_byte] ^= 0x10;
        fs::write(at.join("flip.facts"), &bytes).expect("a file");
        let (code, _, err) = heaplint(at, &["link", "flip.facts"]);
        assert_eq!(code, 2, "flipped at {at_byte}: {err}");
    }
    assert_eq!(heaplint(at, &["link", "none.facts"]).0, 2);
    assert_eq!(heaplint(at, &["link"]).0, 2);

    fs::write(at.join("app/store.py"), "CACHE = []\n").expect("a file");
    heaplint(at, &["facts", "-q", "app", "-o", "b.facts"]);
    let (code, _, err) = heaplint(at, &["link", "a.facts", "b.facts"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("app/store.py: two different versions"),
        "{err}"
    );
}
