//! Which settings file counts, what it may say, and what is said about what it may not.

use std::fs;
use std::path::Path;

use heaplint::config::{
    Confidence, Config, ConfigError, KEYS, Level, Parser, Program, Source, TargetVersion,
};
use tempfile::TempDir;

/// A folder with these files and texts.
fn tree(entries: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in entries {
        let at = dir.path().join(path);
        fs::create_dir_all(at.parent().expect("has a parent")).expect("a folder");
        fs::write(at, text).expect("a file");
    }
    dir
}

fn own(text: &str) -> Result<Config, ConfigError> {
    Config::from_str(text, Path::new("heaplint.toml"))
}

fn fails(text: &str) -> String {
    own(text).expect_err("is wrong").to_string()
}

fn line(from: &Source) -> Option<u32> {
    match from {
        Source::File { line, .. } => Some(*line),
        _ => None,
    }
}

#[test]
fn every_key_is_read() {
    let config = own(r#"
select = ["HL1", "unclosed-file"]
ignore = ["HL108"]
exclude = ["gen"]
extend-exclude = ["*_pb2.py"]
respect-gitignore = false
level = "info"
confidence = "low"
fail-level = "error"
target-version = "pypy3.10"
program = "library"
threads = 4
parser = "ruff"
large-object = "64 KiB"
baseline = "known.json"

[per-file-ignores]
"z/*" = ["HL2"]
"a/*" = ["HL1", "HL3"]

[severity]
HL201 = "error"

[[api]]
call = "shop.db.connect"
role = "opens"
depth = 3
"#)
    .expect("is right");
    assert_eq!(
        config.select.value,
        Some(vec!["HL1".into(), "unclosed-file".into()])
    );
    assert_eq!(config.ignore.value, ["HL108"]);
    let excludes: Vec<_> = config.excludes().map(|it| &*it.glob).collect();
    assert_eq!(excludes, ["gen", "*_pb2.py"]);
    assert!(!config.respect_gitignore.value);
    assert_eq!(config.level.value, Level::Info);
    assert_eq!(config.confidence.value, Confidence::Low);
    assert_eq!(config.fail_level.value, Level::Error);
    assert_eq!(config.target_version.value.to_string(), "pypy3.10");
    assert_eq!(config.program.value, Program::Library);
    assert_eq!(config.threads.value, 4);
    assert_eq!(config.parser.value, Parser::Ruff);
    assert_eq!(config.large_object.value, 65536);
    assert!(
        config
            .baseline
            .value
            .expect("is set")
            .ends_with("known.json")
    );
    let files: Vec<_> = config
        .per_file_ignores
        .iter()
        .map(|it| &*it.value.files.glob)
        .collect();
    assert_eq!(files, ["z/*", "a/*"]);
    assert_eq!(config.severity[0].0, "HL201");
    assert_eq!(config.severity[0].1.value, Level::Error);
    assert_eq!(
        config.api[0].value["call"].as_str(),
        Some("shop.db.connect")
    );
    assert_eq!(config.api[0].value["depth"].as_integer(), Some(3));
    assert_eq!(line(&config.api[0].from), Some(24));
    assert_eq!(config.threads.from.to_string(), "heaplint.toml:12");
}

#[test]
fn defaults_say_so() {
    let config = own("").expect("is right");
    assert_eq!(config.level.value, Level::Warning);
    assert_eq!(config.large_object.value, 1 << 20);
    assert_eq!(config.large_object.from.to_string(), "default");
    assert_eq!(config.target_version.value, TargetVersion::cpython(11));
}

#[test]
fn keys_are_listed_in_order() {
    assert!(KEYS.is_sorted_by_key(|it| it.name));
}

mod errors {
    use super::*;

    #[test]
    fn name_the_place_and_the_nearest_key() {
        assert_eq!(
            fails("level = \"info\"\n  exlcude = []\n"),
            "heaplint.toml:2:3: unknown key `exlcude` (did you mean `exclude`?)"
        );
        assert_eq!(
            fails("extend_exclude = []"),
            "heaplint.toml:1:1: unknown key `extend_exclude` (did you mean `extend-exclude`?)"
        );
        assert_eq!(
            fails("colour = 1"),
            "heaplint.toml:1:1: unknown key `colour`"
        );
        assert_eq!(
            fails("[tool.heaplint]\n"),
            "heaplint.toml:1:2: unknown key `tool` (keys stand at the top level of this file, without [tool.heaplint])"
        );
    }

    #[test]
    fn say_what_a_key_takes() {
        for (text, message) in [
            ("select = 'HL1'", "1:10: `select` takes a list of strings"),
            (
                "select = ['a', 1]",
                "1:16: `select` takes a list of strings, not this number",
            ),
            (
                "respect-gitignore = 1",
                "1:21: `respect-gitignore` takes true or false, not this number",
            ),
            (
                "threads = -1",
                "1:11: `threads` takes a number from 0 to 1024, not this number",
            ),
            (
                "threads = 5000",
                "1:11: `threads` takes a number from 0 to 1024, not this number",
            ),
            (
                "large-object = '1 mile'",
                "1:16: `large-object` takes a size such as 1048576 or \"1 MiB\"",
            ),
            (
                "level = 'warn'",
                "1:9: `level` takes \"error\", \"warning\" or \"info\", not \"warn\"",
            ),
            (
                "parser = 'rusty'",
                "1:10: `parser` takes \"auto\", \"rustpython\" or \"ruff\", not \"rusty\"",
            ),
            (
                "parser = 'ruf'",
                "1:10: `parser` takes \"auto\", \"rustpython\" or \"ruff\", not \"ruf\" (did you mean \"ruff\"?)",
            ),
            (
                "target-version = '2.7'",
                "1:18: `target-version` takes a version such as \"3.11\" or \"pypy3.10\", not \"2.7\"",
            ),
            (
                "target-version = 3.11",
                "1:18: `target-version` takes a version such as \"3.11\" or \"pypy3.10\", not a float",
            ),
            (
                "severity.HL1 = 'fatal'",
                "1:16: `severity.HL1` takes \"error\", \"warning\" or \"info\", not \"fatal\"",
            ),
            (
                "api = [1]",
                "1:8: `api` takes an array of tables, not this number",
            ),
            (
                "per-file-ignores = []",
                "1:20: `per-file-ignores` takes a table of glob = list of strings, not a list",
            ),
        ] {
            assert_eq!(fails(text), format!("heaplint.toml:{message}"));
        }
        assert!(fails("exclude = ['a[']").starts_with("heaplint.toml:1:12: `a[` is not a glob: "));
        assert!(fails("exclude = ['/']").ends_with("`/` matches no file"));
    }

    #[test]
    fn of_the_format_have_a_place() {
        let error = own("# é\nlevel = \n").expect_err("is not TOML");
        assert_eq!(error.at.expect("has a place").line, 2);
    }
}

mod which_file {
    use super::*;

    const OURS: &str = "[tool.heaplint]\nlevel = 'info'\n";

    /// R49.
    #[test]
    fn is_the_nearest_with_our_section() {
        let dir = tree(&[
            (".git/HEAD", ""),
            ("pyproject.toml", OURS),
            ("a/pyproject.toml", "[tool.other]\n"),
            ("a/b/m.py", ""),
            ("a/broken/pyproject.toml", "{{ cookiecutter }}"),
        ]);
        for start in [".", "a", "a/b", "a/b/m.py", "a/broken"] {
            let config = Config::load(&dir.path().join(start)).expect("is right");
            assert_eq!(config.level.value, Level::Info, "{start}");
            assert!(config.files[0].ends_with("pyproject.toml"));
        }
    }

    #[test]
    fn is_our_own_before_the_project() {
        let dir = tree(&[
            (".git/HEAD", ""),
            ("pyproject.toml", OURS),
            ("heaplint.toml", "level = 'error'"),
        ]);
        let config = Config::load(dir.path()).expect("is right");
        assert_eq!(config.level.value, Level::Error);
    }

    #[test]
    fn is_in_the_repository() {
        let dir = tree(&[
            ("pyproject.toml", OURS),
            ("repo/.git/HEAD", ""),
            ("repo/m.py", ""),
        ]);
        let config = Config::load(&dir.path().join("repo")).expect("is right");
        assert_eq!(config.level.from, Source::Default);
        assert!(config.files.is_empty());
    }

    #[test]
    fn must_be_readable_if_it_is_ours() {
        let dir = tree(&[
            (".git/HEAD", ""),
            ("pyproject.toml", "[tool.heaplint]\nlevel =\n"),
        ]);
        let error = Config::load(dir.path()).expect_err("is broken");
        assert_eq!(error.at.expect("has a place").line, 2);
        fs::write(dir.path().join("heaplint.toml"), b"# \xFF").expect("a file");
        let error = Config::load(dir.path()).expect_err("is broken");
        assert_eq!(error.message, "not valid utf-8 at byte 2");
        assert!(Config::from_file(&dir.path().join("none.toml")).is_err());
    }

    #[test]
    fn names_the_python_version_too() {
        let dir = tree(&[
            (".git/HEAD", ""),
            ("pyproject.toml", "[project]\nrequires-python = '>=3.9'\n"),
            ("heaplint.toml", ""),
            ("a/heaplint.toml", "target-version = '3.13'"),
            (
                "b/pyproject.toml",
                "[tool.poetry.dependencies]\npython = '^3.8'\n",
            ),
        ]);
        let target = |start: &str| {
            let config = Config::load(&dir.path().join(start)).expect("is right");
            (
                config.target_version.value.minor,
                line(&config.target_version.from),
            )
        };
        assert_eq!(target("."), (9, Some(2)));
        assert_eq!(target("a"), (13, Some(1)));
        assert_eq!(target("b"), (8, Some(2)));
    }
}

mod extend {
    use super::*;

    /// R49: paths are relative to the file that names them.
    #[test]
    fn adds_to_the_other_file() {
        let dir = tree(&[
            (".git/HEAD", ""),
            (
                "shared/base.toml",
                "level = 'info'\nthreads = 2\nexclude = ['a']\nextend-exclude = ['b']\nseverity.HL1 = 'info'\n[[api]]\ncall = 'x'",
            ),
            (
                "p/pyproject.toml",
                "[tool.heaplint]\nextend = '../shared/base.toml'\nthreads = 3\nexclude = ['c']\nextend-exclude = ['d']\nseverity.HL1 = 'error'\nseverity.HL2 = 'info'\n[[tool.heaplint.api]]\ncall = 'y'",
            ),
        ]);
        let config = Config::load(&dir.path().join("p")).expect("is right");
        assert_eq!((config.level.value, config.threads.value), (Level::Info, 3));
        let excludes: Vec<_> = config
            .excludes()
            .map(|it| (&*it.glob, it.base.file_name().and_then(|it| it.to_str())))
            .collect();
        assert_eq!(
            excludes,
            [("c", Some("p")), ("b", Some("shared")), ("d", Some("p"))]
        );
        let severities: Vec<_> = config.severity.iter().map(|(_, it)| it.value).collect();
        assert_eq!(severities, [Level::Error, Level::Info]);
        assert_eq!(config.api.len(), 2);
        assert!(
            matches!(&config.level.from, Source::File { path, line: 1 } if path.ends_with("base.toml"))
        );
        assert_eq!(config.files.len(), 2);
    }

    #[test]
    fn ends() {
        let dir = tree(&[
            ("heaplint.toml", "extend = 'b.toml'"),
            ("b.toml", "extend = 'heaplint.toml'"),
        ]);
        let error = Config::load(dir.path()).expect_err("goes round");
        assert!(
            error.message.starts_with("`extend` comes back to "),
            "{error}"
        );
        let dir = tree(&[("heaplint.toml", "\nextend = 'none.toml'")]);
        let error = Config::load(dir.path()).expect_err("is missing");
        assert!(
            error.message.ends_with("none.toml: no such file"),
            "{error}"
        );
        assert_eq!(error.at.expect("has a place").line, 2);
    }
}

/// R60.
#[test]
fn named_paths_stay_in_the_project() {
    let dir = tree(&[
        ("out.toml", ""),
        ("repo/.git/HEAD", ""),
        ("repo/p/x.toml", ""),
    ]);
    let outside = dir.path().join("out.toml");
    let outside = outside.to_str().expect("is UTF-8");
    let try_it = |text: String| {
        fs::write(dir.path().join("repo/p/heaplint.toml"), text).expect("a file");
        Config::load(&dir.path().join("repo/p"))
    };
    for path in [
        "../../out.toml",
        "../../none.json",
        "/etc/passwd",
        "..",
        outside,
    ] {
        for key in ["extend", "baseline"] {
            let error = try_it(format!("{key} = '{path}'")).expect_err("leads out");
            assert!(error.message.contains("outside of the project"), "{error}");
        }
    }
    assert!(try_it("baseline = '../known.json'".into()).is_ok());
    #[cfg(unix)]
    {
        let link = dir.path().join("repo/p/link");
        std::os::unix::fs::symlink("../..", link).expect("a link");
        assert!(try_it("extend = 'link/out.toml'".into()).is_err());
        assert!(try_it("baseline = 'link/new.json'".into()).is_err());
    }
}
