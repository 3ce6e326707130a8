//! Flow graphs of functions, and the solver for equations over them.

pub mod ir;
