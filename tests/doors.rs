//! Both doors give the same tree for every file that both can read.
//!
//! Reads the Python files below `tests/doors` and `fixtures`, and those below the folder that `HEAPLINT_DOORS_DIR` names.

#[path = "doors/compare.rs"]
mod compare;

use std::path::PathBuf;

use compare::Outcome;

#[test]
fn both_doors_give_the_same_tree() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folders = std::env::var_os("HEAPLINT_DOORS_DIR").map(PathBuf::from);
    let different: Vec<String> = folders
        .into_iter()
        .chain([root.join("tests/doors"), root.join("fixtures")])
        .flat_map(|it| compare::folder(&it, 0))
        .filter_map(|it| match it.outcome {
            Outcome::Different(text) => Some(format!("{}\n{text}", it.path.display())),
            Outcome::Equal | Outcome::NoText(_) | Outcome::Refused { .. } => None,
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn both_doors_read_our_own_files() {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/doors");
    for file in compare::folder(&own, 0) {
        if let Outcome::Refused { ruff, rustpython } = file.outcome {
            panic!("{}: {ruff:?} {rustpython:?}", file.path.display());
        }
    }
}
