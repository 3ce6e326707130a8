//! heaplint: memory and resource leaks in Python programs, found without running them.

pub mod base;
pub mod limits;
pub mod lower;
pub mod syntax;
