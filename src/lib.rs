//! heaplint: memory and resource leaks in Python programs, found without running them.
//!
//! One static model of the gc heap of a whole program, and small questions to it. The stages, in order:
//!
//! ```text
//! discover ─► decode ─► lower ─► facts, flow ─► link ─► heap, resources ─► rules ─► finding ─► fix, report
//! └─────────────── per file, in parallel ─────┘ └──────── once, over all files ───────────────────────────┘
//! ```
//!
//! Verbs are stages, nouns are what passes between them. `tests/habits.rs` keeps these promises:
//! - lowering never fails: it returns what could be read and a list of errors; a panic in one file is caught and told;
//! - facts of a file depend on that file and on our version only, never on settings, rules or other files;
//! - parser crates are named only in [`lower`]; rules see the program and its heap, never syntax; reports never analyse;
//! - what names of Python APIs mean is data under `rules/`;
//! - all output is sorted, and the same bytes at any number of threads.

pub mod base;
pub mod baseline;
pub mod cache;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod decode;
pub mod discover;
pub mod draw;
pub mod facts;
pub mod finding;
pub mod fix;
pub mod flow;
pub mod heap;
pub mod limits;
pub mod link;
pub mod lower;
pub mod models;
pub mod notebook;
pub mod pipeline;
pub mod report;
pub mod resources;
pub mod rules;
pub mod shard;
pub mod source;
pub mod syntax;
