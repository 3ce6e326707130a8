//! What one file says alone.

pub mod collect;
pub mod model;
pub mod sites;
