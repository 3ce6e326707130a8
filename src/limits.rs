//! Every bound of the analysis, with its reason. What is cut short by one says so, or only takes findings away.

/// Star imports and re-exports followed one after the other; real packages need three.
pub const REEXPORT_HOPS: u32 = 8;

/// Steps spent on the question what one value stands for; keeps the whole linear in the number of values.
pub const ENTITY_FUEL: u32 = 96;

/// Bindings of one variable that are followed; a variable with more is not followed further.
pub const DEFS_FOLLOWED: usize = 4;

/// Overriding methods that a call on a base class may reach.
pub const OVERRIDES: usize = 8;

/// Rounds of propagation of what callees do with their parameters; each round carries a fact over one call.
pub const SUMMARY_ROUNDS: usize = 12;
