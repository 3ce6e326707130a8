//! Every bound of the analysis, each with its reason.

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
/// [`MAX_PARSER_DEPTH`] nested nodes need about 60 MiB to be freed in a build without optimization.
pub const STACK_SIZE: usize = 256 << 20;

/// Strings of at most this many bytes keep their text: names, modes, formats and keys are shorter.
pub const MAX_STRING_TEXT: usize = 64;
