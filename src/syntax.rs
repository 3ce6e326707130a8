//! The syntax tree that the analyzer works on, whichever parser read the file.
//!
//! [`tree`] declares it, [`lists`] reads and writes its list arenas, [`pretty`] prints it.

pub mod lists;
pub mod pretty;
pub mod tree;
