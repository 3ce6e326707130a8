//! What one file says alone.

pub mod model;
pub mod sites;
