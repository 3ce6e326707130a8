//! Reads files through both doors and compares the trees.
#![allow(dead_code, reason = "the example prints more than the test asks for")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use heaplint::decode::decode;
use heaplint::lower::{Door, Lowered, lower};
use heaplint::syntax::pretty::print_with_spans;
use rayon::prelude::*;
use walkdir::WalkDir;

/// What came of one file.
pub struct Compared {
    pub path: PathBuf,
    pub bytes: usize,
    /// Time of parsing and lowering through ruff's door.
    pub ruff: Duration,
    /// Time of parsing and lowering through rustpython's.
    pub rustpython: Duration,
    pub outcome: Outcome,
}

/// How the two trees of a file relate.
pub enum Outcome {
    /// The prints are equal.
    Equal,
    /// The first line that differs, as each door prints it.
    Different(String),
    /// Its bytes are no text, and why.
    NoText(String),
    /// Some door found a syntax error: the first one's text.
    Refused {
        ruff: Option<String>,
        rustpython: Option<String>,
    },
}

/// Compares all Python files and stubs below `folder`, in the order of their paths, on `threads` threads (0: all cores).
pub fn folder(folder: &Path, threads: usize) -> Vec<Compared> {
    let mut paths: Vec<PathBuf> = WalkDir::new(folder)
        .into_iter()
        .flatten()
        .map(walkdir::DirEntry::into_path)
        .filter(|it| it.extension().is_some_and(|it| it == "py" || it == "pyi"))
        .collect();
    paths.sort();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(heaplint::limits::STACK_SIZE)
        .build()
        .expect("a pool of threads");
    pool.install(|| paths.into_par_iter().filter_map(file).collect())
}

fn file(path: PathBuf) -> Option<Compared> {
    let data = std::fs::read(&path).ok()?;
    let bytes = data.len();
    let text = match decode(data) {
        Ok(text) => text,
        Err(error) => {
            return Some(Compared {
                path,
                bytes,
                ruff: Duration::ZERO,
                rustpython: Duration::ZERO,
                outcome: Outcome::NoText(error.to_string()),
            });
        }
    };
    let (by_ruff, ruff) = timed(&text, Door::Ruff);
    let (by_rustpython, rustpython) = timed(&text, Door::Rustpython);
    Some(Compared {
        path,
        bytes,
        ruff,
        rustpython,
        outcome: compare(&by_ruff, &by_rustpython),
    })
}

fn timed(text: &str, door: Door) -> (Lowered, Duration) {
    let start = clock();
    let lowered = lower(text, door);
    (lowered, clock().saturating_sub(start))
}

/// Time that this thread has run; where the system does not tell, the time of day.
fn clock() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|it| it.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| FIRST.elapsed(), Duration::from_nanos)
}

fn compare(ruff: &Lowered, rustpython: &Lowered) -> Outcome {
    let error = |it: &Lowered| it.errors.first().map(|it| it.message.clone());
    if !ruff.errors.is_empty() || !rustpython.errors.is_empty() {
        return Outcome::Refused {
            ruff: error(ruff),
            rustpython: error(rustpython),
        };
    }
    let left = print_with_spans(&ruff.module);
    let right = print_with_spans(&rustpython.module);
    if left == right {
        return Outcome::Equal;
    }
    Outcome::Different(first_difference(&left, &right))
}

/// The first line that differs, from a little before its first differing character.
fn first_difference(left: &str, right: &str) -> String {
    let mut number = 1;
    let (mut lefts, mut rights) = (left.lines(), right.lines());
    loop {
        let (left, right) = (lefts.next().unwrap_or(""), rights.next().unwrap_or(""));
        if left != right {
            let same = left.chars().zip(right.chars()).take_while(|(a, b)| a == b);
            let from = same.count().saturating_sub(60);
            let cut = |it: &str| it.chars().skip(from).take(200).collect::<String>();
            let (left, right) = (cut(left), cut(right));
            return format!("  line {number}\n  ruff       …{left}\n  rustpython …{right}");
        }
        number += 1;
    }
}
