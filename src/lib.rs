//! heaplint: memory and resource leaks in Python programs, found without running them.

pub mod base;
pub mod facts;
pub mod flow;
pub mod limits;
<<<<<<< HEAD
=======
pub mod link;
>>>>>>> main
pub mod lower;
pub mod models;
pub mod syntax;
