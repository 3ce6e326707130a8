//! Resources: who opened what, and whether every path gives it back.
//!
//! [`must_call`] asks one function's flow graph; [`oracle`] is what it asks of the rest of the program, and [`models`]
//! answers from the tables of `rules/models/`.

pub mod classes;
pub mod fields;
pub mod fresh;
mod handed;
pub mod models;
pub mod must_call;
pub mod oracle;
pub mod program;
mod ways;
