//! Compares the two doors on all Python files below a folder: `cargo run --release --example doors FOLDER [THREADS]`.
//!
//! Prints each file whose trees differ, each that a door refuses, counts, and the time of processor that each door took to
//! parse and lower them. For times worth comparing, one thread.

#[path = "../tests/doors/compare.rs"]
mod compare;

use std::path::PathBuf;
use std::time::Duration;

use compare::{Compared, Outcome};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| ".".into()));
    let threads = match args.next() {
        Some(it) => it.to_string_lossy().parse()?,
        None => 0,
    };
    let files = compare::folder(&folder, threads);
    let mut counts = Counts::default();
    for file in &files {
        counts.add(file);
    }
    counts.print(&files);
    Ok(())
}

#[derive(Default)]
struct Counts {
    equal: usize,
    different: usize,
    no_text: usize,
    by_both: usize,
    by_ruff: usize,
    by_rustpython: usize,
}

impl Counts {
    fn add(&mut self, file: &Compared) {
        let path = file.path.display();
        match &file.outcome {
            Outcome::Equal => self.equal += 1,
            Outcome::Different(text) => {
                self.different += 1;
                println!("different: {path}\n{text}");
            }
            Outcome::Refused {
                ruff: None,
                rustpython,
            } => {
                self.by_rustpython += 1;
                println!(
                    "refused by rustpython: {path}: {}",
                    rustpython.as_deref().unwrap_or("")
                );
            }
            Outcome::Refused {
                ruff: Some(error),
                rustpython: None,
            } => {
                self.by_ruff += 1;
                println!("refused by ruff: {path}: {error}");
            }
            Outcome::Refused {
                ruff: Some(error), ..
            } => {
                self.by_both += 1;
                println!("refused by both: {path}: {error}");
            }
            Outcome::NoText(error) => {
                self.no_text += 1;
                println!("no text: {path}: {error}");
            }
        }
    }

    fn print(&self, files: &[Compared]) {
        let bytes: usize = files.iter().map(|it| it.bytes).sum();
        let megabytes = bytes as f64 / 1e6;
        println!("{} files, {megabytes:.0} MB", files.len());
        println!(
            "equal {}, different {}, no text {}",
            self.equal, self.different, self.no_text
        );
        println!(
            "refused by both {}, by ruff alone {}, by rustpython alone {}",
            self.by_both, self.by_ruff, self.by_rustpython
        );
        let ruff: Duration = files.iter().map(|it| it.ruff).sum();
        let rustpython: Duration = files.iter().map(|it| it.rustpython).sum();
        for (door, time) in [("ruff", ruff), ("rustpython", rustpython)] {
            let time = time.as_secs_f64();
            println!("{door}: {time:.2} s, {:.0} MB/s", megabytes / time);
        }
        let ratio = rustpython.as_secs_f64() / ruff.as_secs_f64();
        println!("rustpython takes {ratio:.1} times as long as ruff");
    }
}
