//! What one file says alone: datatype declarations only.
//!
//! A [`FileFacts`] depends on the file's bytes and on heaplint's version, on nothing else: no settings, no rules, no other
//! file. It is the one inner type that is serialized, so it can be cached, and made on another machine than the one that
//! links it. Names of APIs mean nothing here: facts say *what is called how*, link and the models say what that does.
//!
//! Everything a function does stands side by side in the tables (see [`FuncF::calls`] and its neighbours), because the
//! collector finishes one function before it starts the next. Comprehensions and class bodies belong to the function that
//! runs them; lambdas are functions.

use serde::{Deserialize, Serialize};

use crate::base::{Idx, IndexVec, Name, Span, Texts, take_exact};
use crate::flow::ir::Body;
use crate::syntax::tree::{CompKind, FuncKind, ParamKind};

pub use crate::syntax::tree::{BinaryOp, CompareOp};

/// Id of a variable of this file. Equal to the tree's variable id.
pub type VarId = Idx<VarF>;
/// Id of a function of this file; 0 is the module body.
pub type FuncId = Idx<FuncF>;
/// Id of a class of this file.
pub type ClassId = Idx<ClassF>;
/// Id of a value.
pub type ValueId = Idx<Value>;
/// Id of a call.
pub type CallId = Idx<CallF>;
/// Id of a store to an attribute or an item.
pub type StoreId = Idx<StoreF>;
/// Id of a context.
pub type ContextId = Idx<ContextF>;
/// Id of an imported name.
pub type ImportId = Idx<ImportF>;

/// A run of rows of one table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Rows {
    /// First row.
    pub start: u32,
    /// One past the last row.
    pub end: u32,
}

/// All facts of one file.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct FileFacts {
    /// Texts of [`Name`]s.
    pub names: Texts,
    /// Variables of all scopes.
    pub vars: IndexVec<VarF>,
    /// Bindings, each variable's side by side.
    pub defs: Vec<DefF>,
    /// Functions; the first is the module body.
    pub funcs: IndexVec<FuncF>,
    /// Parameters, each function's side by side.
    pub params: Vec<ParamF>,
    /// Classes.
    pub classes: IndexVec<ClassF>,
    /// Values.
    pub values: IndexVec<Value>,
    /// Elements of value lists.
    pub lists: Vec<ValueId>,
    /// Calls.
    pub calls: IndexVec<CallF>,
    /// Arguments, each call's side by side.
    pub args: Vec<ArgF>,
    /// Stores to attributes and items.
    pub stores: IndexVec<StoreF>,
    /// Contexts.
    pub contexts: IndexVec<ContextF>,
    /// Imported names.
    pub imports: IndexVec<ImportF>,
    /// What functions return, yield and raise.
    pub results: Vec<ResultF>,
    /// Reads of variables and attributes, by what is done with them.
    pub reads: Vec<ReadF>,
    /// Reads of locals that only some bindings reach, by value.
    pub reaches: Vec<ReachF>,
    /// Positions in [`FileFacts::defs`].
    pub reaching: Vec<u32>,
    /// Flow graphs of the functions that have one ([`FuncF::body`]).
    pub bodies: Vec<Body>,
    /// Calls in annotations that are evaluated before Python 3.14 and not from then on; rows of [`FileFacts::calls`].
    pub annotation_calls: Vec<Rows>,
    /// What cells of a notebook end with, and where it stands: IPython keeps it in `Out`.
    pub outputs: Vec<(ValueId, Span)>,
    /// Suppression comments.
    pub pragmas: Vec<PragmaF>,
    /// Places that the parser could not read.
    pub errors: Vec<(Span, Box<str>)>,
    /// Whether the file says that it is generated and not to be edited.
    pub is_generated: bool,
}

impl FileFacts {
    /// The bindings of a variable that may reach a read of it: all of them, unless the flow tells that only some do, or
    /// no read is named.
    pub fn reaching(
        &self,
        read: Option<ValueId>,
        var: VarId,
    ) -> impl Iterator<Item = &DefF> + Clone {
        let read = read.filter(|_| self.vars[var].is_split);
        let (rows, picked) = match read.and_then(|it| self.reach_of(it)) {
            Some(rows) => (Rows::default(), rows),
            None => (self.vars[var].defs, Rows::default()),
        };
        self.defs[rows.range()].iter().chain(
            self.reaching[picked.range()]
                .iter()
                .map(|&at| &self.defs[at as usize]),
        )
    }

    fn reach_of(&self, value: ValueId) -> Option<Rows> {
        let at = self
            .reaches
            .binary_search_by_key(&value, |it| it.value)
            .ok()?;
        Some(self.reaches[at].defs)
    }

    /// Moves all tables to memory of just their size, for they live as long as the run; what is left is empty, and has room
    /// for the tables of another file.
    pub fn take_exact(&mut self) -> Self {
        Self {
            names: std::mem::take(&mut self.names),
            vars: self.vars.take_exact(),
            defs: take_exact(&mut self.defs),
            funcs: self.funcs.take_exact(),
            params: take_exact(&mut self.params),
            classes: self.classes.take_exact(),
            values: self.values.take_exact(),
            lists: take_exact(&mut self.lists),
            calls: self.calls.take_exact(),
            args: take_exact(&mut self.args),
            stores: self.stores.take_exact(),
            contexts: self.contexts.take_exact(),
            imports: self.imports.take_exact(),
            results: take_exact(&mut self.results),
            reads: take_exact(&mut self.reads),
            reaches: take_exact(&mut self.reaches),
            reaching: take_exact(&mut self.reaching),
            bodies: take_exact(&mut self.bodies),
            annotation_calls: take_exact(&mut self.annotation_calls),
            outputs: take_exact(&mut self.outputs),
            pragmas: take_exact(&mut self.pragmas),
            errors: take_exact(&mut self.errors),
            is_generated: std::mem::take(&mut self.is_generated),
        }
    }
}

/// Where a variable lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Home {
    /// The module's namespace. When nothing binds it, it is a builtin or comes by a star import.
    Module,
    /// A function's frame (or cell).
    Function,
    /// The namespace of this class.
    Class(ClassId),
    /// A comprehension, inside a function's frame.
    Comprehension,
    /// A PEP 695 type parameter.
    TypeParam,
}

/// A variable.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct VarF {
    /// Its name.
    pub name: Name,
    /// Where it lives.
    pub home: Home,
    /// The function whose frame holds it (the module body for module and top-level class variables).
    pub func: FuncId,
    /// The parameter's position, when it is one.
    pub param: Option<u32>,
    /// Whether a function inside keeps it in a cell.
    pub is_captured: bool,
    /// Whether some function binds it by a `global` declaration.
    pub is_declared_global: bool,
    /// Whether only some of its bindings reach some read of it ([`FileFacts::reaching`]).
    pub is_split: bool,
    /// Its bindings, rows of [`FileFacts::defs`] in file order.
    pub defs: Rows,
}

/// One binding of a variable.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct DefF {
    /// The variable.
    pub var: VarId,
    /// How it is bound.
    pub kind: DefKind,
    /// The value, iterable or context manager that it comes from.
    pub value: Option<ValueId>,
    /// The function that runs the binding.
    pub func: FuncId,
    /// Where the name stands.
    pub at: Span,
    /// Under which conditions.
    pub context: Option<ContextId>,
}

/// Ways to bind a variable.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum DefKind {
    /// `v = value`, `v := value`, `v: T = value`.
    Assign,
    /// Element `i` of an unpacked value; negative counts from the end, `i16::MIN` is the starred rest.
    Unpack(i16),
    /// `for v in value`, also in comprehensions. For an unpacked target, the position in the element.
    Element(Option<i16>),
    /// `with value as v`.
    With,
    /// `except value as v`.
    Except,
    /// `import`.
    Import(ImportId),
    /// A parameter; the value is its default.
    Param,
    /// `def v`.
    Function(FuncId),
    /// `class v`.
    Class(ClassId),
    /// `v op= value`.
    Augment(BinaryOp),
    /// `del v`.
    Delete,
    /// `v: T` without a value; the value is the annotation.
    Declare,
    /// A `match` capture; the value is the subject when the whole subject is captured.
    Capture,
}

/// A function, a lambda, or the module body.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FuncF {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Where the whole definition stands.
    pub span: Span,
    /// What sort it is.
    pub kind: FuncKind,
    /// Whether `async def`.
    pub is_async: bool,
    /// Whether its body yields.
    pub is_generator: bool,
    /// The function around it.
    pub parent: Option<FuncId>,
    /// The class whose body holds it directly.
    pub class: Option<ClassId>,
    /// The variable that the definition binds.
    pub var: Option<VarId>,
    /// Parameters, rows of [`FileFacts::params`].
    pub params: Rows,
    /// Decorators, top first, rows of [`FileFacts::lists`].
    pub decorators: Rows,
    /// Where each decorator list starts: the first decorator's span start, or the definition's.
    pub head: u32,
    /// Return annotation.
    pub returns: Option<ValueId>,
    /// Variables of enclosing functions that it keeps in cells.
    pub free: Vec<VarId>,
    /// Conditions under which the definition runs.
    pub context: Option<ContextId>,
    /// Its calls.
    pub calls: Rows,
    /// Its stores.
    pub stores: Rows,
    /// Its values.
    pub values: Rows,
    /// Its results.
    pub results: Rows,
    /// Its reads.
    pub reads: Rows,
    /// Number of its statements, docstring and nested functions not counted.
    pub statements: u32,
    /// Its flow graph, an index into [`FileFacts::bodies`].
    pub body: Option<u32>,
}

impl FuncF {
    /// Whether it is the module body.
    #[must_use]
    pub fn is_module(&self) -> bool {
        self.kind == FuncKind::Module
    }

    /// Whether it is a `lambda`.
    #[must_use]
    pub fn is_lambda(&self) -> bool {
        self.kind == FuncKind::Lambda
    }
}

/// A parameter.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ParamF {
    /// The variable it binds.
    pub var: VarId,
    /// How it takes arguments.
    pub kind: ParamKind,
    /// Annotation, a value of the function around.
    pub annotation: Option<ValueId>,
    /// Default, a value of the function around.
    pub default: Option<ValueId>,
    /// Where the name stands.
    pub at: Span,
}

/// A class.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClassF {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Span,
    /// Where the whole definition stands.
    pub span: Span,
    /// The function whose frame runs its body.
    pub func: FuncId,
    /// The class around, when its body holds this one directly.
    pub outer: Option<ClassId>,
    /// The variable that the definition binds.
    pub var: VarId,
    /// Bases, rows of [`FileFacts::lists`].
    pub bases: Rows,
    /// Keywords such as `metaclass`.
    pub keywords: Vec<(Name, ValueId)>,
    /// Decorators, rows of [`FileFacts::lists`].
    pub decorators: Rows,
    /// Functions that its body holds directly, in order.
    pub methods: Vec<FuncId>,
    /// Variables of its namespace, in order.
    pub vars: Vec<VarId>,
}

/// A value: what an expression yields, as far as a heap depends on it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Offset of its first byte.
    pub at: u32,
}

/// Kinds of value.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum ValueKind {
    /// Anything the analysis does not follow.
    Unknown,
    /// `None`
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer, clamped to 32 bits.
    Int(i32),
    /// A float, cut to its whole part (0 for a complex number).
    Float(i32),
    /// A string of so many code points; the text when it is short.
    Str { len: u32, text: Option<Idx<Name>> },
    /// Bytes.
    Bytes(u32),
    /// An f-string: what its holes yield.
    FString(Rows),
    /// A variable is read.
    Var(VarId),
    /// `base.name`
    Attr { base: ValueId, name: Name },
    /// `base[key]`
    Item { base: ValueId, key: ValueId },
    /// `base[…:…]`
    Slice { base: ValueId },
    /// The result of a call.
    Call(CallId),
    /// `[…]`
    List(Rows),
    /// `(…)`
    Tuple(Rows),
    /// `{…}` with elements.
    Set(Rows),
    /// A dict display: keys and values in turn; a `**` entry has [`ValueKind::Unknown`] as key.
    Dict(Rows),
    /// A comprehension: element (key and value for a dict: `Tuple`), and what its first clause iterates.
    Comp {
        kind: CompKind,
        element: ValueId,
        iter: ValueId,
    },
    /// A lambda or nested function used as a value.
    Func(FuncId),
    /// Arithmetic.
    Binary {
        op: BinaryOp,
        left: ValueId,
        right: ValueId,
    },
    /// `not operand`
    Not(ValueId),
    /// `-operand`, `+operand`, `~operand`
    Sign(ValueId),
    /// `a and b …`: all operands.
    And(Rows),
    /// `a or b …`: all operands.
    Or(Rows),
    /// `left op right`
    Compare {
        op: CompareOp,
        left: ValueId,
        right: ValueId,
    },
    /// `body if test else orelse`: the test, then both branches.
    Choice(Rows),
    /// `await value`
    Await(ValueId),
    /// `yield value`: what is sent in.
    Yield(Option<ValueId>),
    /// `yield from value`
    YieldFrom(ValueId),
    /// `*value`
    Star(ValueId),
    /// `var := value`
    Walrus { var: VarId, value: ValueId },
}

/// A call.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CallF {
    /// What is called.
    pub callee: ValueId,
    /// Arguments, rows of [`FileFacts::args`].
    pub args: Rows,
    /// The function that makes it.
    pub func: FuncId,
    /// The class whose body makes it directly.
    pub class: Option<ClassId>,
    /// Where the whole call stands.
    pub at: Span,
    /// Where the callee stands.
    pub head: Span,
    /// Under which conditions.
    pub context: Option<ContextId>,
    /// What is done with the result.
    pub usage: Usage,
}

/// One argument.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ArgF {
    /// How it is passed.
    pub kind: ArgKindF,
    /// The value.
    pub value: ValueId,
}

/// How an argument is passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ArgKindF {
    /// By position.
    Positional,
    /// `*value`
    Star,
    /// `name=value`
    Keyword(Name),
    /// `**value`
    DoubleStar,
}

/// What is done with a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Usage {
    /// Nothing: an expression statement.
    Discarded,
    /// Bound to a variable.
    Bound,
    /// Stored to an attribute or item.
    Stored,
    /// An argument of a call.
    Argument,
    /// A method of it is called.
    Receiver,
    /// An attribute of it is read.
    AttrBase,
    /// An item of it is read.
    ItemBase,
    /// It is called.
    Called,
    /// Iterated by a loop, comprehension or unpacking.
    Iterated,
    /// The right side of `in` or `not in`.
    Searched,
    /// Compared, tested or computed with.
    Tested,
    /// A `with` item.
    Entered,
    /// Returned.
    Returned,
    /// Yielded.
    Yielded,
    /// Raised.
    Raised,
    /// An element of a display, or of a comprehension.
    Element,
    /// A key or index.
    Key,
    /// A decorator, base or annotation.
    Declared,
    /// Awaited.
    Awaited,
}

/// A store to an attribute or an item, or its deletion.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct StoreF {
    /// What is stored to.
    pub target: Target,
    /// What is done.
    pub kind: StoreKind,
    /// The object whose attribute or item it is.
    pub base: ValueId,
    /// The value stored; `None` for deletions.
    pub value: Option<ValueId>,
    /// The function that does it.
    pub func: FuncId,
    /// Where the target stands.
    pub at: Span,
    /// Under which conditions.
    pub context: Option<ContextId>,
}

/// What a store goes to.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Target {
    /// `base.name`
    Attr(Name),
    /// `base[key]`
    Item(ValueId),
    /// `base[…:…]`
    Slice,
}

/// What a store does.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum StoreKind {
    /// `target = value`
    Assign,
    /// The target takes an element of an unpacked or iterated value, or what a `with` item enters.
    Part,
    /// `target op= value`
    Augment(BinaryOp),
    /// `target: value` without a value: the value is the annotation.
    Declare,
    /// `del target`
    Delete,
}

/// A condition, loop or handler that a fact stands under; a chain by [`ContextF::parent`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ContextF {
    /// The context around.
    pub parent: Option<ContextId>,
    /// What it is.
    pub kind: ContextKind,
}

/// Kinds of context.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum ContextKind {
    /// The test came out so. Statements after an `if` whose branch leaves stand under the opposite outcome.
    If { test: ValueId, outcome: bool },
    /// The body of `while test`; whether a `break` leaves it.
    While { test: ValueId, breaks: bool },
    /// The body of `for … in iter`; also a comprehension's element.
    For { iter: ValueId },
    /// The guarded body of a `try` that has handlers.
    Try,
    /// An `except` clause with these types.
    Handler { types: Option<ValueId> },
    /// The `else` of a `try`.
    NotRaised,
    /// A `finally` clause.
    Finally,
    /// The body of a `with` over this context manager.
    With { manager: ValueId },
    /// A `case` over this subject; whether its pattern is a literal or a dotted name.
    Case { subject: ValueId, is_constant: bool },
    /// The body of a class.
    Class(ClassId),
}

/// One imported name.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ImportF {
    /// The variable bound; `None` for a star import.
    pub var: Option<VarId>,
    /// The module's dotted name, without leading dots.
    pub module: Option<Name>,
    /// Number of leading dots.
    pub level: u32,
    /// The name taken from the module; `None` for a plain `import`.
    pub item: Option<Name>,
    /// Whether `import a.b as c` binds the last module rather than the first.
    pub binds_last: bool,
    /// The function that runs it.
    pub func: FuncId,
    /// Under which conditions.
    pub context: Option<ContextId>,
    /// Where it stands.
    pub at: Span,
}

/// Something a function hands out.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ResultF {
    /// How.
    pub kind: ResultKind,
    /// What.
    pub value: Option<ValueId>,
    /// Where the statement stands.
    pub at: Span,
    /// Under which conditions.
    pub context: Option<ContextId>,
}

/// Ways to hand something out, or to leave a loop (`break`, which has no value).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variants are Python's own terms")]
pub enum ResultKind {
    Return,
    Yield,
    YieldFrom,
    Raise,
    Break,
}

/// A read of a variable or attribute.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReadF {
    /// The value read: a [`ValueKind::Var`] or [`ValueKind::Attr`].
    pub value: ValueId,
    /// What is done with it.
    pub usage: Usage,
}

/// A read of a local that only some of its bindings reach.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReachF {
    /// The value read: a [`ValueKind::Var`].
    pub value: ValueId,
    /// The bindings, rows of [`FileFacts::reaching`].
    pub defs: Rows,
}

/// A suppression comment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PragmaF {
    /// The comment's text.
    pub text: Box<str>,
    /// Where it stands.
    pub at: Span,
    /// The statement (or statement head) that it stands on; its own place when it stands alone.
    pub covers: Span,
}

// These exist by the million: growth is a choice.
const _: () = {
    assert!(size_of::<Value>() <= 16);
    assert!(size_of::<DefF>() <= 32);
    assert!(size_of::<VarF>() <= 36);
    assert!(size_of::<CallF>() <= 44);
    assert!(size_of::<ArgF>() <= 12);
    assert!(size_of::<ReadF>() <= 8);
    assert!(size_of::<ReachF>() <= 12);
    assert!(size_of::<ContextF>() <= 12);
};
