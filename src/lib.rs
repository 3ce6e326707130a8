//! heaplint: memory and resource leaks in Python programs, found without running them.

pub mod base;
pub mod config;
pub mod decode;
pub mod discover;
pub mod lower;
pub mod syntax;
