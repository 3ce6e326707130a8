//! Every bound of the analysis, with its reason. What is cut short by one says so, or only takes findings away.

/// Star imports and re-exports followed one after the other; real packages need three.
pub const REEXPORT_HOPS: u32 = 8;

/// Steps spent on the question what one value stands for; keeps the whole linear in the number of values.
pub const ENTITY_FUEL: u32 = 96;

/// Bindings of one variable that are followed; a variable with more is not followed further.
pub const DEFS_FOLLOWED: usize = 4;

/// Bindings that are told apart where a local is read; where more may reach, all of them do.
pub const REACHING_DEFS: usize = 8;

/// Changes of what reaches, in one function; in a larger one all bindings reach everywhere.
pub const REACHING_STEPS: usize = 50_000;

/// Overriding methods that a call on a base class may reach.
pub const OVERRIDES: usize = 8;

/// Objects of a reference cycle; longer ones are not looked for.
pub const CYCLE_LENGTH: usize = 6;

/// Edges of one function from which a cycle is looked for; a function that closes more cycles repeats itself.
pub const CYCLE_EDGES: usize = 256;

/// Edges between parameters that one function passes on to its callers.
pub const PARAM_EDGES: usize = 64;

/// Rounds of propagation of what callees do with their parameters; each round carries a fact over one call.
pub const SUMMARY_ROUNDS: usize = 12;

/// Levels of nested statements and expressions that a flow graph follows. CPython itself refuses more than 100 levels of
/// indentation and 200 of parentheses; long chains (`a + b + …`, `a.b().c()…`, `elif`) do not count.
pub const FLOW_DEPTH: u32 = 220;

/// Instructions of one flow graph. The largest function read so far needs 9,000; a `finally` inside `finally` doubles
/// with each level.
pub const FLOW_INSTS: usize = 100_000;

/// Blocks of one flow graph, for the same reason.
pub const FLOW_BLOCKS: usize = 40_000;

/// `finally` bodies inside `finally` bodies: each level multiplies the copies by up to five.
pub const FINALLY_DEPTH: u32 = 4;

/// Levels of a value that are looked through for what it may refer to.
pub const VALUE_DEPTH: u32 = 12;

/// Calls followed from a function to what it hands out, and from an argument to what becomes of it.
pub const RESOURCE_CALLS: u32 = 4;

/// Words that may be copied to follow one function's resources, each over all instructions: a fraction of a second.
/// What is beyond it is not checked, and said.
pub const FLOW_WORK: usize = 1 << 26;

/// Tests around a place that are asked what they are about; each early `return` adds one to all that follows it.
pub const TESTS_FOLLOWED: usize = 256;

/// Facts that one way through a function carries with it.
pub const PATH_FACTS: usize = 16;

/// Ways with different facts that are followed through one block; as many more know only what held where they set out, and
/// what comes later knows nothing.
pub const PATHS_OF_BLOCK: usize = 8;

/// Words of solver state for one function: blocks × words per state. Eight megabytes; beyond it the function is skipped.
pub const FLOW_STATE_WORDS: usize = 1 << 20;

/// Bytes of a file that is read. The longest module known on PyPI, a generated one, has a fifth of it; what is longer is data.
pub const MAX_FILE: u64 = 64 << 20;

/// Bytes of a notebook that is read: most of one are outputs, which cost little.
pub const MAX_NOTEBOOK: u64 = 512 << 20;

/// Seconds that reading one file down to its facts may take, and more for each megabyte: a thousand times what it takes.
/// What takes longer is given up, and said.
pub const FILE_SECONDS: u64 = 60;

/// Seconds more for each megabyte of a file.
pub const FILE_SECONDS_PER_MEGABYTE: u64 = 20;

/// Nesting of expressions and blocks beyond which a node becomes an error.
///
/// CPython itself stops at 200 brackets and 100 indents. Operator, attribute, call and `elif` chains do not count:
/// they are walked along their spine, however long.
pub const MAX_DEPTH: u32 = 1_000;

/// Depth of a parser's own tree, estimated from tokens, beyond which a file is refused.
///
/// Parsers free their trees by recursion, which this keeps inside [`STACK_SIZE`].
pub const MAX_PARSER_DEPTH: usize = 100_000;

/// Stack of a thread that parses and lowers, in bytes; virtual until touched.
///
/// [`MAX_PARSER_DEPTH`] nested nodes need less than 32 MiB in a build without optimization, this parser's; the rest is for the other door.
pub const STACK_SIZE: usize = 256 << 20;

/// Strings of at most this many bytes keep their text: names, modes, formats and keys are shorter.
pub const MAX_STRING_TEXT: usize = 64;

/// Calls of a function in which resources are still given a `with` statement: each is asked about all of them.
pub const FIXED_CALLS: u32 = 1_000;
