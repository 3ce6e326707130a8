//! Which files are found, under which names: one temporary folder per test.

use std::fs;
use std::path::PathBuf;

use heaplint::discover::{
    DiscoverError, DiscoverOptions, Discovered, Exclude, FileKind, ProgramKind, SourcePath,
    discover, program_kind,
};
use tempfile::TempDir;

/// A folder with these files; what ends in `/` is a folder, `path: text` has a text.
fn tree(entries: &[&str]) -> TempDir {
    let dir = TempDir::with_prefix("build").expect("a temporary folder");
    for entry in entries {
        let (path, text) = entry.split_once(": ").unwrap_or((entry, ""));
        let at = dir.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(at).expect("a folder");
        } else {
            fs::create_dir_all(at.parent().expect("has a parent")).expect("a folder");
            fs::write(at, text).expect("a file");
        }
    }
    dir
}

fn excluding(globs: &[&str]) -> DiscoverOptions {
    DiscoverOptions {
        exclude: globs
            .iter()
            .map(|glob| Exclude {
                glob: (*glob).to_owned(),
                base: None,
            })
            .collect(),
        ..DiscoverOptions::default()
    }
}

fn find_with(dir: &TempDir, names: &[&str], options: &DiscoverOptions) -> Discovered {
    let roots: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
    discover(&roots, options).expect("the roots exist")
}

fn find(dir: &TempDir, names: &[&str]) -> Discovered {
    find_with(dir, names, &DiscoverOptions::default())
}

fn shown(found: &Discovered) -> Vec<&str> {
    found.files.iter().map(|it| &*it.display).collect()
}

fn file<'a>(found: &'a Discovered, display: &str) -> &'a SourcePath {
    let it = found.files.iter().find(|it| it.display == display);
    it.unwrap_or_else(|| panic!("{display} is not in {:?}", shown(found)))
}

/// Module, dotted name from the source root, source folder and package root.
fn names(found: &Discovered, display: &str) -> (String, String, &'static str, String) {
    let it = file(found, display);
    let root = &found.package_roots[it.package_root as usize];
    let root = root.strip_prefix(&found.project_root).expect("below it");
    (
        it.module.clone(),
        it.dotted_from_root.clone(),
        it.source_folder,
        root.to_string_lossy().replace('\\', "/"),
    )
}

#[test]
fn files_are_sorted_and_listed_once() {
    let dir = tree(&[
        "pyproject.toml",
        "b/z.py",
        "a.py: x = 1",
        "b/a.py",
        "b/c.txt",
        "b.py/m.py",
    ]);
    let found = find(&dir, &["b", "a.py", ".", "b/z.py"]);
    assert_eq!(shown(&found), ["a.py", "b.py/m.py", "b/a.py", "b/z.py"]);
    assert_eq!(file(&found, "a.py").size, 5);
    assert_eq!(
        found.project_root,
        dir.path().canonicalize().expect("exists")
    );
    for it in &found.files {
        assert!(it.path.is_absolute() && it.path.is_file());
    }
}

#[test]
fn notebooks_are_found_and_excluded_like_modules() {
    let dir = tree(&[
        "a.ipynb",
        "a.py",
        "old/b.ipynb",
        ".ipynb_checkpoints/a.ipynb",
    ]);
    let found = find(&dir, &["."]);
    assert_eq!(shown(&found), ["a.ipynb", "a.py", "old/b.ipynb"]);
    assert_eq!(file(&found, "a.ipynb").kind, FileKind::Notebook);
    let found = find_with(&dir, &["."], &excluding(&["old", "a.ipynb"]));
    assert_eq!(shown(&found), ["a.py"]);
}

#[test]
fn stubs_are_found_where_there_is_no_source() {
    let dir = tree(&[
        "p/__init__.py",
        "p/__init__.pyi",
        "p/a.py",
        "p/a.pyi",
        "p/_native.pyi",
        "p/sub/__init__.py",
        "p/sub.pyi",
    ]);
    let found = find(&dir, &["."]);
    let expected = [
        "p/__init__.py",
        "p/_native.pyi",
        "p/a.py",
        "p/sub/__init__.py",
    ];
    assert_eq!(shown(&found), expected);
    assert_eq!(file(&found, "p/_native.pyi").kind, FileKind::Stub);
    assert_eq!(names(&found, "p/_native.pyi").0, "p._native");
}

#[test]
fn a_missing_root_is_named() {
    let dir = tree(&["a.py"]);
    let missing = dir.path().join("nothing.py");
    let error = discover(
        &[dir.path().to_owned(), missing.clone()],
        &DiscoverOptions::default(),
    )
    .expect_err("is missing");
    assert!(matches!(&error, DiscoverError::Missing(path) if *path == missing));
    assert!(error.to_string().ends_with("nothing.py"));
}

#[test]
fn modules_are_named_below_their_package_root() {
    let dir = tree(&[
        "pyproject.toml",
        "src/pkg/__init__.py",
        "src/pkg/sub/__init__.py",
        "src/pkg/sub/m.py",
        "src/pkg/bare/n.py",
        "src/ns/inner/__init__.py",
        "src/ns/inner/m.py",
        "scripts/run.py",
        "services/a/pyproject.toml",
        "services/a/lib/deep/m.py",
        "src/pkg/setup.py",
    ]);
    for named in [".", "src", "src/pkg/sub", "src/pkg/sub/m.py"] {
        let found = find(&dir, &[named]);
        assert_eq!(
            names(&found, "src/pkg/sub/m.py"),
            ("pkg.sub.m".into(), "pkg.sub.m".into(), "src", "src".into()),
            "{named}"
        );
    }
    let found = find(&dir, &["."]);
    let row = |a: &str, b: &str, c, d: &str| (a.to_owned(), b.to_owned(), c, d.to_owned());
    assert_eq!(
        names(&found, "src/pkg/__init__.py"),
        row("pkg", "pkg", "src", "src")
    );
    assert_eq!(
        names(&found, "src/pkg/bare/n.py"),
        row("n", "pkg.bare.n", "src", "src/pkg/bare")
    );
    assert_eq!(
        names(&found, "src/ns/inner/m.py"),
        row("inner.m", "ns.inner.m", "src", "src/ns")
    );
    assert_eq!(
        names(&found, "scripts/run.py"),
        row("run", "scripts.run", "", "scripts")
    );
    assert_eq!(
        names(&found, "services/a/lib/deep/m.py"),
        row("m", "deep.m", "lib", "services/a/lib/deep")
    );
}

#[test]
fn a_project_root_may_be_a_package() {
    let dir = tree(&[
        "plugin/.git/",
        "plugin/__init__.py",
        "plugin/a/__init__.py",
        "plugin/a/m.py",
    ]);
    let found = find(&dir, &["plugin"]);
    let it = file(&found, "a/m.py");
    assert_eq!((&*it.module, &*it.dotted_from_root), ("plugin.a.m", "a.m"));
    assert_eq!(file(&found, "__init__.py").module, "plugin");
}

#[test]
fn tests_and_vendored_files_are_marked_by_the_path_below_the_project() {
    let dir = tree(&[
        "tests/vendor/p/pyproject.toml",
        "tests/vendor/p/a.py",
        "tests/vendor/p/_vendor/six.py",
        "tests/vendor/p/tests/util.py",
        "tests/vendor/p/test_a.py",
        "tests/vendor/p/a_test.py",
        "tests/vendor/p/conftest.py",
        "tests/vendor/p/contest.py",
    ]);
    let found = find(&dir, &["tests/vendor/p"]);
    let marked = |test: fn(&SourcePath) -> bool| -> Vec<&str> {
        let marked = found.files.iter().filter(|it| test(it));
        marked.map(|it| &*it.display).collect()
    };
    assert_eq!(marked(|it| it.is_vendored), ["_vendor/six.py"]);
    assert_eq!(
        marked(|it| it.is_test),
        ["a_test.py", "conftest.py", "test_a.py", "tests/util.py"]
    );
    let named = find(&dir, &["tests/vendor/p/_vendor"]);
    assert!(!file(&named, "_vendor/six.py").is_vendored);
}

mod named_files {
    use super::*;

    /// R47.
    #[test]
    fn excludes_hold_for_them_too_and_say_so() {
        let dir = tree(&[
            "pyproject.toml",
            "gen/a.py",
            "b.py",
            "venv/pyvenv.cfg",
            "venv/x.py",
        ]);
        let options = excluding(&["gen"]);
        let found = find_with(&dir, &["gen/a.py", "b.py", "gen", "venv/x.py"], &options);
        assert_eq!(shown(&found), ["b.py"]);
        assert_eq!(found.excluded_named, ["gen", "gen/a.py", "venv/x.py"]);
    }

    #[test]
    fn are_taken_whatever_the_walk_would_do() {
        let dir = tree(&[
            ".git/",
            ".gitignore: *.py",
            "a.py",
            "b.pyw",
            "c.pyi",
            "d: #!/usr/bin/env -S A=1 python3 -u\n",
            "e: #!/usr/bin/python\r\n",
            "f: #!/bin/sh\n# python\n",
            "g.txt: #!/usr/bin/python\n",
            "h",
        ]);
        let found = find(
            &dir,
            &["a.py", "b.pyw", "c.pyi", "d", "e", "f", "g.txt", "h"],
        );
        assert_eq!(shown(&found), ["a.py", "b.pyw", "c.pyi", "d", "e"]);
        assert_eq!(file(&found, "d").module, "d");
        let not: Vec<_> = found
            .not_python
            .iter()
            .map(|it| it.rsplit('/').next())
            .collect();
        assert_eq!(not, [Some("f"), Some("g.txt"), Some("h")]);
    }

    #[test]
    fn folders_may_be_environments() {
        let dir = tree(&[
            ".git/",
            ".venv/pyvenv.cfg",
            ".venv/lib/site-packages/p/m.py",
        ]);
        assert!(find(&dir, &["."]).files.is_empty());
        let found = find(&dir, &[".venv/lib/site-packages/p"]);
        assert!(!file(&found, ".venv/lib/site-packages/p/m.py").is_vendored);
    }
}

mod excludes {
    use super::*;

    /// R47: a checkout in `.../build` was skipped whole by another tool; the temporary folder's own name starts with `build`.
    #[test]
    fn are_matched_below_the_project_root_only() {
        let dir = tree(&[
            "build/p/pyproject.toml",
            "build/p/a.py",
            "build/p/build/b.py",
        ]);
        let options = excluding(&["build*"]);
        let found = find_with(&dir, &["build/p"], &options);
        assert_eq!(shown(&found), ["a.py"]);
        assert_eq!(found.excluded, 1);
    }

    #[test]
    fn are_names_or_paths() {
        let dir = tree(&[
            "pyproject.toml",
            "a/gen/x.py",
            "b/gen/x.py",
            "b/x_pb2.py",
            "c/d/e/x.py",
            "c/d/x.py",
            "x.py",
            "y/x.py",
        ]);
        let options = excluding(&["a/gen/", "*_pb2.py", "c/**/e", "/x.py", "./y"]);
        let found = find_with(&dir, &["."], &options);
        assert_eq!(shown(&found), ["b/gen/x.py", "c/d/x.py"]);
    }

    /// R49: a pattern is relative to the file that names it.
    #[test]
    fn have_the_base_of_their_file() {
        let dir = tree(&["pyproject.toml", "a/gen/x.py", "gen/x.py", "gen/y.py"]);
        let options = DiscoverOptions {
            exclude: vec![Exclude {
                glob: "gen/x.py".into(),
                base: Some(dir.path().join("a")),
            }],
            ..DiscoverOptions::default()
        };
        let found = find_with(&dir, &["."], &options);
        assert_eq!(shown(&found), ["gen/x.py", "gen/y.py"]);
    }

    #[test]
    fn must_be_globs() {
        let dir = tree(&["a.py"]);
        let error =
            discover(&[dir.path().to_owned()], &excluding(&["a[.py"])).expect_err("no glob");
        assert!(
            error
                .to_string()
                .starts_with("bad exclude pattern `a[.py`: ")
        );
    }

    /// R48.
    #[test]
    fn cover_environments_however_named_and_caches() {
        let dir = tree(&[
            "pyproject.toml",
            "my env/pyvenv.cfg",
            "my env/a.py",
            "my env/lib/python3.12/site-packages/x.py",
            "conda/conda-meta/history",
            "conda/lib/x.py",
            "node_modules/gyp/x.py",
            ".tox/py/x.py",
            "a/__pycache__/x.py",
            "a/.git/hooks/x.py",
            "a/buck-out/x.py",
            "venv/mine.py",
            "build/mine.py",
            ".github/mine.py",
        ]);
        let found = find(&dir, &["."]);
        assert_eq!(
            shown(&found),
            [".github/mine.py", "build/mine.py", "venv/mine.py"]
        );
    }
}

mod ignore_files {
    use super::*;

    #[test]
    fn nest_and_the_inner_one_wins() {
        let dir = tree(&[
            ".git/info/exclude: private.py",
            ".gitignore: gen/\n*_tmp.py\n/only_here.py",
            "gen/x.py",
            "a_tmp.py",
            "private.py",
            "only_here.py",
            "p/only_here.py",
            "p/.gitignore: !a_tmp.py\n!private.py\nlocal.py",
            "p/a_tmp.py",
            "p/local.py",
            "p/private.py",
            "q/.ignore: !b_tmp.py",
            "q/.gitignore: b_tmp.py",
            "q/b_tmp.py",
            "q/local.py",
        ]);
        let left = [
            "p/a_tmp.py",
            "p/only_here.py",
            "p/private.py",
            "q/b_tmp.py",
            "q/local.py",
        ];
        assert_eq!(shown(&find(&dir, &["."])), left);
        assert_eq!(shown(&find(&dir, &["p", "q"])), left);
        let off = DiscoverOptions {
            respect_gitignore: false,
            ..DiscoverOptions::default()
        };
        assert_eq!(find_with(&dir, &["."], &off).files.len(), 10);
        assert_eq!(find(&dir, &["."]).ignored, 5);
    }

    #[test]
    fn of_a_repository_do_not_reach_into_another() {
        let dir = tree(&[
            ".git/",
            ".gitignore: x.py",
            "x.py",
            "sub/.git: gitdir: ../.git/modules/sub",
            ".git/modules/sub/info/exclude: y.py",
            "sub/x.py",
            "sub/y.py",
        ]);
        assert_eq!(shown(&find(&dir, &["."])), ["sub/x.py"]);
        assert_eq!(shown(&find(&dir, &["sub"])), ["x.py"]);
    }

    #[test]
    fn are_honoured_without_a_repository() {
        let dir = tree(&["pyproject.toml", ".gitignore: gen", "gen/x.py", "a.py"]);
        assert_eq!(shown(&find(&dir, &["."])), ["a.py"]);
    }
}

#[cfg(unix)]
mod links {
    use super::*;
    use std::os::unix::fs::symlink;

    /// R48.
    #[test]
    fn to_folders_are_not_followed() {
        let dir = tree(&["p/pyproject.toml", "p/a/m.py", "out/secret.py"]);
        let p = dir.path().join("p");
        symlink("..", p.join("a/loop")).expect("a link");
        symlink("../../out", p.join("a/out")).expect("a link");
        symlink("loop2", p.join("loop2")).expect("a link");
        let found = find(&dir, &["p"]);
        assert_eq!(shown(&found), ["a/m.py"]);
        assert_eq!(found.notices, []);
    }

    #[test]
    fn to_files_are_read_inside_the_root_only() {
        let dir = tree(&["p/pyproject.toml", "p/m.py: x", "out/secret.py"]);
        let p = dir.path().join("p");
        symlink("m.py", p.join("same.py")).expect("a link");
        symlink("../out/secret.py", p.join("out.py")).expect("a link");
        symlink("nowhere", p.join("broken.py")).expect("a link");
        symlink("self.py", p.join("self.py")).expect("a link");
        symlink("../out", p.join("folder.py")).expect("a link");
        let found = find(&dir, &["p"]);
        assert_eq!(shown(&found), ["m.py", "same.py"]);
        assert!(file(&found, "same.py").is_link);
        assert_eq!(file(&found, "same.py").size, 1);
        let notices: Vec<_> = found
            .notices
            .iter()
            .map(|it| (&*it.path, &*it.message))
            .collect();
        assert_eq!(
            notices[..2],
            [
                ("broken.py", "the link leads nowhere"),
                ("out.py", "the link leads out of the folders to check"),
            ]
        );
        assert_eq!(notices[2].0, "self.py");
    }

    #[test]
    fn may_be_named() {
        let dir = tree(&["p/pyproject.toml", "p/m.py"]);
        symlink("p", dir.path().join("q")).expect("a link");
        assert_eq!(shown(&find(&dir, &["q"])), ["m.py"]);
        assert_eq!(shown(&find(&dir, &["q", "p/m.py"])), ["m.py"]);
    }
}

#[cfg(unix)]
mod hostile {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn names_are_only_names() {
        let dir = tree(&["pyproject.toml"]);
        let wanted = [
            "$(x).py",
            "-rf.py",
            "a\nb.py",
            "a\u{1b}[31m.py",
            "\u{202e}yp.py",
            "*.py",
        ];
        for name in wanted {
            fs::write(dir.path().join(name), "").expect("a file");
        }
        let mut sorted = wanted;
        sorted.sort_unstable();
        assert_eq!(shown(&find(&dir, &["."])), sorted);
    }

    #[test]
    fn names_that_are_not_utf8_are_shown_lossily_and_open() {
        let dir = tree(&["pyproject.toml"]);
        let folder = dir.path().join(OsStr::from_bytes(b"p\xFF"));
        if fs::create_dir(&folder).is_err() {
            return; // This file system takes UTF-8 names only.
        }
        for name in [b"m\xFE.py", b"m\xFD.py"] {
            fs::write(folder.join(OsStr::from_bytes(name)), "").expect("a file");
        }
        let found = find(&dir, &["."]);
        assert_eq!(shown(&found), ["p\u{FFFD}/m\u{FFFD}.py"; 2]);
        for it in &found.files {
            fs::read(&it.path).expect("opens");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_notice() {
        let dir = tree(&["pyproject.toml", "a.py", "closed/b.py"]);
        let closed = dir.path().join("closed");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("is ours");
        let is_root = fs::read_dir(&closed).is_ok();
        let found = find(&dir, &["."]);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).expect("is ours");
        if is_root {
            return; // Nothing is closed to root.
        }
        assert_eq!(shown(&found), ["a.py"]);
        assert_eq!(found.notices[0].path, "closed");
        assert_eq!(found.notices[0].message, "permission denied");
    }

    /// Opening one would wait for ever.
    #[test]
    fn pipes_are_not_opened() {
        let dir = tree(&["pyproject.toml", "a.py"]);
        for name in ["p.py", ".gitignore", "named"] {
            let made = std::process::Command::new("mkfifo")
                .arg(dir.path().join(name))
                .status();
            if !made.is_ok_and(|it| it.success()) {
                return;
            }
        }
        let found = find(&dir, &[".", "named"]);
        assert_eq!(shown(&found), ["a.py"]);
        assert_eq!(found.notices[0].message, "not a regular file");
        assert_eq!(found.not_python.len(), 1);
    }
}

mod kind {
    use super::*;
    use ProgramKind::{Application, Library};

    const PACKAGED: &str = "pyproject.toml: [build-system]\n[project]\nname = 'p'\n";

    fn kind(entries: &[&str], root: &str) -> ProgramKind {
        let dir = tree(entries);
        program_kind(&dir.path().join(root))
    }

    #[test]
    fn bare_code_is_an_application() {
        assert_eq!(kind(&["a.py"], "."), Application);
        assert_eq!(kind(&[PACKAGED, "a.py"], "a.py"), Application);
        assert_eq!(
            kind(&["pyproject.toml: [tool.black]\n", "p/__init__.py"], "."),
            Application
        );
        assert_eq!(kind(&["pyproject.toml: {{ cookie }}\n"], "."), Application);
    }

    #[test]
    fn packages_without_scripts_are_libraries() {
        let init = "src/p/__init__.py";
        for root in [".", "src", "src/p"] {
            assert_eq!(kind(&[PACKAGED, init], root), Library);
        }
        let scripts = format!("{PACKAGED}[project.scripts]\np = 'p:main'\n");
        assert_eq!(kind(&[&scripts, init], "."), Application);
        let plugin = format!("{PACKAGED}[project.entry-points.pytest11]\np = 'p'\n");
        assert_eq!(kind(&[&plugin, init], "."), Library);
        assert_eq!(
            kind(
                &["pyproject.toml: [project]\nname = 'p'\n", "p.egg-info/"],
                "."
            ),
            Application
        );
        assert_eq!(
            kind(&["pyproject.toml: [tool.poetry]\nname = 'p'\n"], "."),
            Library
        );
    }

    #[test]
    fn setup_files_count() {
        let setup = "setup.py: setup(packages=find_packages(),\n # console_scripts\n)";
        assert_eq!(kind(&[setup], "."), Library);
        let scripts = "setup.py: setup(packages=['p'],\n  scripts = ['bin/p'])";
        assert_eq!(kind(&[scripts], "."), Application);
        let cfg = "setup.cfg: [options]\npackages = find:\n";
        assert_eq!(kind(&["setup.py: setup()", cfg], "."), Library);
    }

    #[test]
    fn installed_packages_are_libraries_with_scripts_or_without() {
        let entries = [
            "site/p/__init__.py",
            "site/p-1.dist-info/entry_points.txt: [console_scripts]\np = p:main\n",
        ];
        assert_eq!(kind(&entries, "site"), Library);
        assert_eq!(kind(&entries, "site/p"), Library);
    }
}
