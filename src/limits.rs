//! Every number that bounds the analysis, with its reason. When a bound is hit, the result says so.

/// Levels of nesting (blocks, brackets, operands) that are read; what lies deeper becomes an error node.
///
/// `CPython` itself stops at 100 levels of indentation and 200 of brackets. Chains that lean to the left (`a + b + c`,
/// `a.b().c()`) and `elif` ladders do not count: they are walked without recursion.
pub const NESTING: u32 = 2_000;

/// Bytes of stack of each thread that reads or analyses files; memory is only taken for what is used of it.
pub const WORKER_STACK: usize = 256 << 20;
