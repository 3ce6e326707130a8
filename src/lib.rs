//! heaplint
