//! The drawings of the README and of rule pages are made by the tool, from the programs that stand beside them.
//!
//! `UPDATE=1 cargo test --test drawings` makes them anew.

mod judge;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use heaplint::rules;
use judge::page::sections;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A drawing of a program, as the command line makes it.
fn draw(folder: &Path, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["heap", "--isolated", "--no-cache", "-q", "-o", "svg"])
        .args(more)
        .arg(folder)
        .output()
        .expect("our own program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", folder.display());
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The drawing of the first bad program of a rule's page.
fn of_page(name: &str, page: &str) -> String {
    let sections = sections(page);
    let bad = sections.iter().find(|it| it.is_bad);
    let program = &bad.expect("a page has a bad program").program;
    let scratch = tempfile::tempdir().expect("a folder");
    // The folder's name is the title.
    let folder = scratch.path().join(name);
    program.write(&folder).expect("written");
    let kind = if program.is_library {
        "library"
    } else {
        "application"
    };
    let mut args = vec!["--program", kind];
    if let Some(version) = &program.target {
        args.extend(["--target-version", version]);
    }
    draw(&folder, &args)
}

/// Names of the drawings that a text shows from this folder.
fn shown(text: &str, folder: &str) -> Vec<String> {
    let images = text
        .split("](")
        .skip(1)
        .filter_map(|it| it.split(')').next());
    let names = images.filter_map(|it| it.strip_prefix(folder)?.strip_suffix(".svg"));
    names.map(str::to_owned).collect()
}

#[test]
fn drawings_show_what_the_programs_are_now() {
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    for name in shown(&readme, "drawings/") {
        let folder = match name.as_str() {
            "shop" => "fixtures/projects/shop",
            "articles" => "fixtures/articles",
            _ => panic!("README.md shows drawings/{name}.svg, of which program?"),
        };
        wanted.insert(name, draw(&root().join(folder), &[]));
    }
    for meta in rules::metas() {
        for name in shown(meta.page, "../drawings/") {
            assert_eq!(name, meta.name, "a page shows its own drawing");
            let drawing = of_page(&name, meta.page);
            assert!(
                drawing.contains(&format!(">{}<", meta.code)),
                "{name}: the finding is not drawn"
            );
            wanted.insert(name, drawing);
        }
    }
    assert!(wanted.len() > 15, "{:?}", wanted.keys());
    let folder = root().join("drawings");
    let is_update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (name, drawing) in &wanted {
        let path = folder.join(format!("{name}.svg"));
        if fs::read_to_string(&path).ok().as_ref() == Some(drawing) {
            continue;
        }
        if is_update {
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(&path, drawing).expect("written");
        } else {
            wrong.push(format!("drawings/{name}.svg is out of date"));
        }
    }
    let there: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("drawings/ is there")
        .map(|it| it.expect("listed").path())
        .collect();
    for path in there {
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if !wanted.contains_key(&stem) {
            wrong.push(format!("{}: nothing shows it", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "UPDATE=1 cargo test --test drawings makes them anew:\n{}",
        wrong.join("\n")
    );
}
