//! Our own syntax tree: datatype declarations only, no code, so that a change here gets a careful look.
//!
//! One [`Module`] is one file. Nodes live in flat arenas and name each other by typed 32-bit ids, so a tree is a handful
//! of vectors that are dropped at once. Kept is what a heap depends on: names resolved to variables, calls, attributes,
//! stores, control flow, sizes of literals. Dropped: docstrings, comments other than pragmas, text of long strings,
//! values of floats, format specifications, bounds of type parameters.
//!
//! The tree knows one file only. What an imported name means is the business of `link`.

use crate::base::{Idx, IndexVec, Name, Names, Span};

/// Id of an expression.
pub type ExprId = Idx<Expr>;
/// Id of a statement.
pub type StmtId = Idx<Stmt>;
/// Id of a function, lambda or the module body itself.
pub type FuncId = Idx<Func>;
/// Id of a class definition.
pub type ClassId = Idx<Class>;
/// Id of a comprehension or generator expression.
pub type CompId = Idx<Comp>;
/// Id of a scope.
pub type ScopeId = Idx<Scope>;
/// Id of a variable: one name in the scope that owns it.
pub type VarId = Idx<Var>;
/// Id of a `try` statement's parts.
pub type TryId = Idx<Try>;
/// Id of a `match` pattern.
pub type PatId = Idx<Pat>;

/// A run of elements in one of the module's list arenas.
#[derive(Debug)]
pub struct List<T> {
    /// Index of the first element.
    pub start: u32,
    /// Number of elements.
    pub len: u32,
    /// The element type, for the arena to be chosen by.
    pub of: std::marker::PhantomData<fn() -> T>,
}

/// A sequence of statements.
pub type Block = List<StmtId>;

/// One parsed file.
#[derive(Default, Debug)]
pub struct Module {
    /// Every identifier and short string of the file.
    pub names: Names,
    /// All expressions.
    pub exprs: IndexVec<Expr>,
    /// Elements of expression lists.
    pub expr_lists: Vec<ExprId>,
    /// Elements of optional expression lists (keys of a dict display; `None` is `**`).
    pub opt_lists: Vec<Option<ExprId>>,
    /// All call arguments, each call's side by side.
    pub args: Vec<Arg>,
    /// All statements.
    pub stmts: IndexVec<Stmt>,
    /// Elements of blocks.
    pub blocks: Vec<StmtId>,
    /// Functions and lambdas. The first is the module body itself.
    pub funcs: IndexVec<Func>,
    /// Classes.
    pub classes: IndexVec<Class>,
    /// Comprehensions and generator expressions.
    pub comps: IndexVec<Comp>,
    /// `for` clauses of comprehensions, each comprehension's side by side.
    pub clauses: Vec<Clause>,
    /// Parameters, each function's side by side.
    pub params: Vec<Param>,
    /// Parts of `try` statements.
    pub tries: IndexVec<Try>,
    /// `except` clauses, each `try`'s side by side.
    pub handlers: Vec<Handler>,
    /// `with` items, each statement's side by side.
    pub items: Vec<WithItem>,
    /// `case` clauses, each `match`'s side by side.
    pub cases: Vec<Case>,
    /// Patterns.
    pub pats: IndexVec<Pat>,
    /// Elements of pattern lists.
    pub pat_lists: Vec<PatId>,
    /// Imported names, each statement's side by side.
    pub aliases: Vec<Alias>,
    /// Elements of name lists (`global`, `nonlocal`).
    pub name_lists: Vec<Name>,
    /// Scopes; the first is the module's.
    pub scopes: IndexVec<Scope>,
    /// Variables of all scopes.
    pub vars: IndexVec<Var>,
    /// Comments that speak to us, in file order.
    pub pragmas: Vec<Pragma>,
    /// What cells of a notebook end with and IPython keeps in `Out`, in file order.
    pub outputs: Vec<ExprId>,
}

/// An expression and where it stands. Parentheses around it are not part of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// From its first to past its last byte.
    pub span: Span,
}

/// Kinds of expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ExprKind {
    /// A name; `var` is filled by name resolution.
    Name { name: Name, var: Option<VarId> },
    /// `base.name`
    Attr { base: ExprId, name: Name },
    /// `callee(args)`
    Call { callee: ExprId, args: List<Arg> },
    /// `base[index]`
    Subscript { base: ExprId, index: ExprId },
    /// `lo:hi:step` inside a subscript.
    Slice {
        lo: Option<ExprId>,
        hi: Option<ExprId>,
        step: Option<ExprId>,
    },
    /// An integer, clamped to 64 bits.
    Int(i64),
    /// A float or complex number.
    Float(i32),
    /// `True` or `False`.
    Bool(bool),
    /// `None`
    None,
    /// `...`
    Ellipsis,
    /// A string of `len` code points; the text of those of at most 64 bytes.
    Str { len: u32, text: Option<Name> },
    /// A bytes literal of `len` bytes.
    Bytes { len: u32 },
    /// An f-string or t-string: the expressions in its holes, in order.
    FString { holes: List<ExprId> },
    /// `[…]`
    List(List<ExprId>),
    /// `(…)` or a bare `a, b`.
    Tuple(List<ExprId>),
    /// `{…}` with elements.
    Set(List<ExprId>),
    /// `{…}` with keys: `keys[i]` is `None` for `**values[i]`; both lists have the same length.
    Dict {
        keys: List<Option<ExprId>>,
        values: List<ExprId>,
    },
    /// A comprehension or generator expression.
    Comp(CompId),
    /// `lambda …: …`
    Lambda(FuncId),
    /// `left op right`
    Binary {
        op: BinaryOp,
        left: ExprId,
        right: ExprId,
    },
    /// `op operand`
    Unary { op: UnaryOp, operand: ExprId },
    /// `a and b and …`
    And(List<ExprId>),
    /// `a or b or …`
    Or(List<ExprId>),
    /// `left op right`; a chain `a < b < c` is `And` of its links, with the middle operand shared.
    Compare {
        op: CompareOp,
        left: ExprId,
        right: ExprId,
    },
    /// `body if test else orelse`
    IfElse {
        test: ExprId,
        body: ExprId,
        orelse: ExprId,
    },
    /// `await value`
    Await(ExprId),
    /// `yield value`
    Yield(Option<ExprId>),
    /// `yield from value`
    YieldFrom(ExprId),
    /// `*value`
    Starred(ExprId),
    /// `target := value`; the target is a name.
    Walrus { target: ExprId, value: ExprId },
    /// What could not be read.
    Error,
}

/// Binary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(
    missing_docs,
    reason = "the variants are Python's operators under their own names"
)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    MatMul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    LShift,
    RShift,
    BitOr,
    BitXor,
    BitAnd,
}

impl BinaryOp {
    /// As Python writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::MatMul => "@",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "**",
            Self::LShift => "<<",
            Self::RShift => ">>",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::BitAnd => "&",
        }
    }
}

/// Unary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(
    missing_docs,
    reason = "the variants are Python's operators under their own names"
)]
pub enum UnaryOp {
    Not,
    Neg,
    Pos,
    Invert,
}

/// Comparison operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(
    missing_docs,
    reason = "the variants are Python's operators under their own names"
)]
pub enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtE,
    Gt,
    GtE,
    Is,
    IsNot,
    In,
    NotIn,
}

impl CompareOp {
    /// As Python writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::NotEq => "!=",
            Self::Lt => "<",
            Self::LtE => "<=",
            Self::Gt => ">",
            Self::GtE => ">=",
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}

/// One argument of a call, or one base or keyword of a class.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arg {
    /// How it is passed.
    pub kind: ArgKind,
    /// The value.
    pub value: ExprId,
}

/// How an argument is passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgKind {
    /// `value`
    Positional,
    /// `*value`
    Star,
    /// `name=value`
    Keyword(Name),
    /// `**value`
    DoubleStar,
}

/// A statement and where it stands (for a decorated definition: from the `def`, `async` or `class` keyword).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// From its first to past its last byte.
    pub span: Span,
}

/// Kinds of statement. An `elif` ladder is an `If` whose `orelse` holds one `If`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum StmtKind {
    /// An expression alone.
    Expr(ExprId),
    /// `targets[0] = targets[1] = … = value`
    Assign {
        targets: List<ExprId>,
        value: ExprId,
    },
    /// `target op= value`
    AugAssign {
        op: BinaryOp,
        target: ExprId,
        value: ExprId,
    },
    /// `target: annotation = value`
    AnnAssign {
        target: ExprId,
        annotation: ExprId,
        value: Option<ExprId>,
    },
    /// `return value`
    Return(Option<ExprId>),
    /// `raise exc from cause`
    Raise {
        exc: Option<ExprId>,
        cause: Option<ExprId>,
    },
    /// `del targets`
    Delete(List<ExprId>),
    /// `pass`
    Pass,
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `global names`
    Global(List<Name>),
    /// `nonlocal names`
    Nonlocal(List<Name>),
    /// `import …`
    Import(List<Alias>),
    /// `from …module import …`: `level` dots before the module's name.
    ImportFrom {
        module: Option<Name>,
        level: u32,
        names: List<Alias>,
    },
    /// `if test: body else: orelse`
    If {
        test: ExprId,
        body: Block,
        orelse: Block,
    },
    /// `while test: body else: orelse`
    While {
        test: ExprId,
        body: Block,
        orelse: Block,
    },
    /// `for target in iter: body else: orelse`
    For {
        is_async: bool,
        target: ExprId,
        iter: ExprId,
        body: Block,
        orelse: Block,
    },
    /// `try`
    Try(TryId),
    /// `with items: body`
    With {
        is_async: bool,
        items: List<WithItem>,
        body: Block,
    },
    /// `match subject: cases`
    Match { subject: ExprId, cases: List<Case> },
    /// `def`
    Function(FuncId),
    /// `class`
    Class(ClassId),
    /// `assert test, message`
    Assert {
        test: ExprId,
        message: Option<ExprId>,
    },
    /// `type name = value`
    TypeAlias {
        name: ExprId,
        type_params: List<Name>,
        value: ExprId,
    },
    /// What could not be read.
    Error,
}

/// A function, a lambda, or the module body (id 0).
#[derive(Clone, PartialEq, Debug)]
pub struct Func {
    /// Its name; `<module>` and `<lambda>` for those without one.
    pub name: Name,
    /// Where the name stands (the `lambda` keyword for a lambda; empty at 0 for the module).
    pub name_span: Span,
    /// Where the whole definition stands.
    pub span: Span,
    /// What sort it is.
    pub kind: FuncKind,
    /// Whether `async def`.
    pub is_async: bool,
    /// Whether its body yields.
    pub is_generator: bool,
    /// The function around it; `None` for the module.
    pub parent: Option<FuncId>,
    /// The class whose body holds the definition directly.
    pub class: Option<ClassId>,
    /// The variable that the definition binds; `None` for lambdas and the module.
    pub var: Option<VarId>,
    /// Its own scope.
    pub scope: ScopeId,
    /// Parameters in order: positional-only, ordinary, `*args`, keyword-only, `**kwargs`.
    pub params: List<Param>,
    /// Decorators, top first.
    pub decorators: List<ExprId>,
    /// Return annotation.
    pub returns: Option<ExprId>,
    /// Names of PEP 695 type parameters.
    pub type_params: List<Name>,
    /// Statements; for a lambda none.
    pub body: Block,
    /// The expression of a lambda.
    pub value: Option<ExprId>,
    /// Variables of enclosing functions that it keeps in cells (`co_freevars`), also those that it only hands through
    /// to functions inside it; sorted.
    pub free: Vec<VarId>,
}

/// Sorts of function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum FuncKind {
    /// The module body.
    Module,
    /// A `def`.
    Def,
    /// A `lambda`.
    Lambda,
}

/// A parameter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// The variable it binds.
    pub var: VarId,
    /// How it takes arguments.
    pub kind: ParamKind,
    /// Annotation.
    pub annotation: Option<ExprId>,
    /// Default value.
    pub default: Option<ExprId>,
    /// Where the name stands.
    pub span: Span,
}

/// How a parameter takes arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "the variants are Python's own terms")]
pub enum ParamKind {
    PositionalOnly,
    Ordinary,
    VarArgs,
    KeywordOnly,
    KwArgs,
}

/// A class definition.
#[derive(Clone, PartialEq, Debug)]
pub struct Class {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Where the whole definition stands.
    pub span: Span,
    /// The function whose body holds it.
    pub func: FuncId,
    /// The class whose body holds it directly.
    pub outer: Option<ClassId>,
    /// The variable that the definition binds.
    pub var: VarId,
    /// Its own scope.
    pub scope: ScopeId,
    /// Bases and keywords.
    pub args: List<Arg>,
    /// Decorators, top first.
    pub decorators: List<ExprId>,
    /// Names of PEP 695 type parameters.
    pub type_params: List<Name>,
    /// Statements.
    pub body: Block,
}

/// A comprehension or generator expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Comp {
    /// What it makes.
    pub kind: CompKind,
    /// The element, or the key of a dict comprehension.
    pub element: ExprId,
    /// The value of a dict comprehension.
    pub value: Option<ExprId>,
    /// `for` clauses, outermost first; never empty.
    pub clauses: List<Clause>,
    /// Its own scope.
    pub scope: ScopeId,
}

/// What a comprehension makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "the variants are Python's own terms")]
pub enum CompKind {
    List,
    Set,
    Dict,
    Generator,
}

/// One `for target in iter if tests` of a comprehension.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Clause {
    /// Whether `async for`.
    pub is_async: bool,
    /// What is bound.
    pub target: ExprId,
    /// What is iterated; the outermost one is evaluated in the scope around.
    pub iter: ExprId,
    /// Conditions.
    pub tests: List<ExprId>,
}

/// Parts of a `try` statement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Try {
    /// Guarded statements.
    pub body: Block,
    /// `except` clauses.
    pub handlers: List<Handler>,
    /// Runs when nothing was raised.
    pub orelse: Block,
    /// Runs in any case.
    pub finally: Block,
    /// Whether `except*`.
    pub is_star: bool,
}

/// One `except` clause.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Handler {
    /// The exception type or types; `None` catches all.
    pub typ: Option<ExprId>,
    /// The name bound, as a store.
    pub name: Option<ExprId>,
    /// Statements.
    pub body: Block,
    /// The whole clause.
    pub span: Span,
}

/// One item of a `with` statement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WithItem {
    /// The context manager.
    pub context: ExprId,
    /// What `as` binds.
    pub target: Option<ExprId>,
}

/// One `case` of a `match`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Case {
    /// What it matches.
    pub pattern: PatId,
    /// `if` condition.
    pub guard: Option<ExprId>,
    /// Statements.
    pub body: Block,
}

/// A pattern and where it stands.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pat {
    /// What it is.
    pub kind: PatKind,
    /// From its first to past its last byte.
    pub span: Span,
}

/// Kinds of pattern. Captures are stores to names.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum PatKind {
    /// A literal or dotted name that the subject is compared with.
    Value(ExprId),
    /// `_`
    Wildcard,
    /// A name, or `pattern as name`.
    Capture {
        pattern: Option<PatId>,
        name: ExprId,
    },
    /// `[a, b, *rest]`
    Sequence(List<PatId>),
    /// `{key: pattern, **rest}`
    Mapping {
        keys: List<ExprId>,
        pats: List<PatId>,
        rest: Option<ExprId>,
    },
    /// `cls(a, name=b)`: positional and keyword patterns in order.
    Class { cls: ExprId, pats: List<PatId> },
    /// `*name` or `*_`
    Star(Option<ExprId>),
    /// `a | b`
    Or(List<PatId>),
}

/// One imported name.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Alias {
    /// The dotted name as written; `*` for a star import.
    pub name: Name,
    /// The name after `as`.
    pub asname: Option<Name>,
    /// The variable bound: the last name, or for a plain `import a.b` the first part; `None` for `*`.
    pub var: Option<VarId>,
    /// Where it stands.
    pub span: Span,
}

/// A scope.
#[derive(Clone, PartialEq, Debug)]
pub struct Scope {
    /// What made it.
    pub kind: ScopeKind,
    /// The scope around; `None` for the module.
    pub parent: Option<ScopeId>,
    /// The function whose frame runs its code.
    pub func: FuncId,
    /// Variables it owns, in order of first appearance.
    pub vars: Vec<VarId>,
}

/// What made a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScopeKind {
    /// The module body.
    Module,
    /// A `def` or `lambda`.
    Function,
    /// A class body; not seen from functions inside it.
    Class(ClassId),
    /// A comprehension or generator expression.
    Comprehension,
    /// Type parameters of PEP 695.
    TypeParams,
}

/// A variable: one name in the scope that owns it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Var {
    /// Its name.
    pub name: Name,
    /// The owning scope.
    pub scope: ScopeId,
    /// Whether anything in the file binds it. A module variable that nothing binds is a builtin or comes by a star import.
    pub is_bound: bool,
    /// The parameter's position, when a parameter binds it.
    pub param: Option<u32>,
    /// Whether a function inside the owning one reads or binds it (it lives in a cell).
    pub is_captured: bool,
    /// Whether some function binds it by `global`.
    pub is_declared_global: bool,
    /// Number of places that bind it.
    pub bindings: u32,
}

/// A comment that speaks to us: `noqa` or `heaplint:`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pragma {
    /// The comment's text from the `#`.
    pub text: Box<str>,
    /// Where it stands.
    pub span: Span,
}
