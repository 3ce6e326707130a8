//! heaplint: memory and resource leaks in Python programs, found without running them.

pub mod base;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod decode;
pub mod discover;
pub mod facts;
pub mod finding;
pub mod flow;
pub mod heap;
pub mod limits;
pub mod link;
pub mod lower;
pub mod models;
pub mod pipeline;
pub mod report;
pub mod resources;
pub mod rules;
pub mod syntax;
