//! Flow graphs of functions, and the solver for equations over them.
//!
//! [`ir`] declares the graph, [`build`] makes it from a syntax tree, [`pretty`] prints it, [`solve`] runs an analysis over it.

pub mod build;
pub mod ir;
pub mod pretty;
pub mod solve;
