//! heaplint: memory and resource leaks in Python programs, found without running them.

pub mod base;
pub mod facts;
pub mod flow;
pub mod limits;
pub mod link;
pub mod lower;
pub mod models;
pub mod resources;
pub mod syntax;
