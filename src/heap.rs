//! The gc heap that the program would have: what stands in which place, how large it is, whether it grows.
//!
//! [`size`] estimates bytes, [`origin`] says where keys and values come from, [`growth`] decides whether a container only
//! grows, [`path`] tells who holds what from the root. Rules ask here and nowhere else.

pub mod growth;
pub mod origin;
pub mod path;
pub mod size;
