//! What one file says alone.

pub mod collect;
pub mod model;
mod reach;
pub mod sites;
