//! How long each stage of a run takes: `cargo bench --bench stages`, or `-- link` for one of them.
//!
//! Stages read the programs of `fixtures/` and `examples/`, or the folder that `HEAPLINT_BENCH` names.
//! Parallel stages use all cores; `RAYON_NUM_THREADS=1` shows their work alone.

use std::path::PathBuf;
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use heaplint::config::{Config, TargetVersion};
use heaplint::decode::decode;
use heaplint::discover::{DiscoverOptions, Discovered, ProgramKind, SourcePath, discover};
use heaplint::facts::collect::collect;
use heaplint::facts::model::FileFacts;
use heaplint::link::{FileInput, Program, link};
use heaplint::lower::{Door, lower};
use heaplint::models::Models;
use heaplint::resources::program::lost;
use heaplint::rules;

fn main() {
    divan::main();
}

/// A file, and what each stage makes of it for the next.
struct File {
    path: SourcePath,
    bytes: Vec<u8>,
    text: String,
    facts: FileFacts,
}

static MODELS: LazyLock<Models> = LazyLock::new(|| Models::taught(&[]).expect("our own tables"));
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let found = folders();
    let files = found.files.into_iter().filter_map(|path| {
        let bytes = std::fs::read(&path.path).ok()?;
        let text = decode(bytes.clone()).ok()?;
        let facts = collect(&text, &lower(&text, Door::Ruff));
        Some(File {
            path,
            bytes,
            text,
            facts,
        })
    });
    files.collect()
});

/// What is found in the folders that are read.
fn folders() -> Discovered {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let roots = match std::env::var_os("HEAPLINT_BENCH") {
        Some(it) => vec![PathBuf::from(it)],
        None => vec![own.join("fixtures"), own.join("examples")],
    };
    discover(&roots, &DiscoverOptions::default()).expect("the folders are there")
}

fn size() -> BytesCount {
    BytesCount::new(FILES.iter().map(|it| it.text.len()).sum::<usize>())
}

fn inputs() -> Vec<FileInput> {
    let inputs = FILES.iter().map(|it| FileInput {
        facts: it.facts.clone(),
        path: it.path.display.clone(),
        module: it.path.module.clone(),
        long_module: None,
        is_package: it
            .path
            .path
            .file_name()
            .is_some_and(|it| it == "__init__.py"),
        is_apart: false,
        is_stub: false,
        root: it.path.package_root,
        is_test: it.path.is_test,
        is_vendored: it.path.is_vendored,
    });
    inputs.collect()
}

fn program() -> Program<'static> {
    link(inputs(), &MODELS)
}

fn context<'a>(program: &'a Program<'a>) -> rules::Context<'a> {
    let large = Config::default().large_object.value;
    rules::Context::new(
        program,
        ProgramKind::Application,
        TargetVersion::default(),
        large,
    )
}

#[divan::bench]
fn s1_discover(bencher: Bencher<'_, '_>) {
    bencher.bench_local(folders);
}

#[divan::bench]
fn s2_decode(bencher: Bencher<'_, '_>) {
    bencher.counter(size()).bench_local(|| {
        for it in FILES.iter() {
            black_box(decode(black_box(it.bytes.clone()))).expect("it was text before");
        }
    });
}

#[divan::bench(args = [Door::Ruff, Door::Rustpython])]
fn s3_lower(bencher: Bencher<'_, '_>, door: Door) {
    bencher.counter(size()).bench_local(|| {
        for it in FILES.iter() {
            black_box(lower(black_box(&it.text), door));
        }
    });
}

#[divan::bench]
fn s4_collect(bencher: Bencher<'_, '_>) {
    let trees: Vec<_> = FILES.iter().map(|it| lower(&it.text, Door::Ruff)).collect();
    bencher.counter(size()).bench_local(|| {
        for (it, tree) in FILES.iter().zip(&trees) {
            black_box(collect(black_box(&it.text), tree));
        }
    });
}

#[divan::bench]
fn s5_link(bencher: Bencher<'_, '_>) {
    bencher
        .counter(size())
        .with_inputs(inputs)
        .bench_local_values(|inputs| link(inputs, &MODELS));
}

#[divan::bench]
fn s6_heap(bencher: Bencher<'_, '_>) {
    let program = program();
    bencher
        .counter(size())
        .bench_local(|| black_box(context(&program).lost.len()));
}

/// Flow analysis alone, which is a part of the heap's stage.
#[divan::bench]
fn s6_flow(bencher: Bencher<'_, '_>) {
    let program = program();
    let cx = context(&program);
    let version = (3, cx.target.minor.into());
    bencher
        .counter(size())
        .bench_local(|| lost(&program, &cx.own, version));
}

#[divan::bench]
fn s7_rules(bencher: Bencher<'_, '_>) {
    let program = program();
    let cx = context(&program);
    bencher
        .counter(size())
        .bench_local(|| rules::run(&cx, |_| true));
}
