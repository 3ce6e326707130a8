//! What one file says alone.

mod annotations;
pub mod collect;
pub mod model;
mod reach;
pub mod sites;
