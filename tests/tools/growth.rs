//! Prints what is thought of each container of a program: how it grows, or what bounds it.
//!
//! ```console
//! $ cargo run --release --example growth -- fixtures/projects/shop SESSIONS
//! ```

use std::path::PathBuf;

use heaplint::base::Span;
use heaplint::decode::decode;
use heaplint::discover::{DiscoverOptions, ProgramKind, discover, program_kind};
use heaplint::facts::collect::collect;
use heaplint::heap::growth::Bound;
use heaplint::link::{FileInput, link};
use heaplint::lower::{Door, lower};
use heaplint::models::Models;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(root), name) = (args.next(), args.next()) else {
        eprintln!("usage: growth PATH [NAME]");
        return;
    };
    let root = PathBuf::from(root);
    let found = discover(std::slice::from_ref(&root), &DiscoverOptions::default()).expect("a path");
    let kind = if root.is_file() {
        ProgramKind::Application
    } else {
        program_kind(&root)
    };
    let mut texts = Vec::new();
    let inputs: Vec<FileInput> = found
        .files
        .iter()
        .filter_map(|file| {
            let text = decode(std::fs::read(&file.path).ok()?).ok()?;
            let facts = collect(&text, &lower(&text, Door::Auto));
            texts.push(text);
            Some(FileInput {
                facts,
                path: file.display.clone(),
                module: file.module.clone(),
                long_module: None,
                is_package: file.path.file_name().is_some_and(|it| it == "__init__.py"),
                root: file.package_root,
                is_test: file.is_test,
                is_vendored: file.is_vendored,
                is_apart: false,
                is_stub: false,
            })
        })
        .collect();
    let models = Models::shipped().expect("shipped tables");
    let program = link(inputs, &models);
    for key in program.places_with_effects() {
        let wanted = name
            .as_ref()
            .is_none_or(|it| program.place_name(key).contains(it.as_str()));
        if !wanted {
            continue;
        }
        let place = program.place_name(key);
        let file = program.place_file(key);
        let path = &program.files[file as usize].path;
        let rooted = if program.is_rooted(key) {
            ""
        } else {
            " (no root)"
        };
        match program.judge_growth(key, kind) {
            Err(Bound::NoGrowth) if name.is_none() => {}
            Err(bound) => println!("{path} {place}{rooted}: {bound:?}"),
            Ok(it) => println!(
                "{path} {place}{rooted}: grows {:?} {:?} run={:?} origins={:?}",
                it.confidence, it.evidence, it.run, it.origins
            ),
        }
        if name.is_some() {
            for effect in program.effects(key) {
                println!(
                    "    {:?}{} {}:{} in {} {:?}",
                    effect.kind,
                    if effect.is_inner { " inside" } else { "" },
                    program.files[effect.func.file as usize].path,
                    line(&texts[effect.func.file as usize], effect.at),
                    program.qualified(effect.func),
                    program.runs(effect.func),
                );
            }
        }
    }
}

fn line(text: &str, at: Span) -> usize {
    text[..at.start as usize].lines().count().max(1)
}
