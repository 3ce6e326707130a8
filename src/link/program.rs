//! The linked program: facts of all files and the tables that link adds.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::calls::CallGraph;
use super::classes::{ClassInfo, ClassTable};
use super::effects::Effects;
use super::entity::Entity;
use super::lifetime::Lifetimes;
use super::modules::ModuleTree;
use super::runs::RunTable;
use crate::base::{Name, Names, Span};
use crate::facts::model::{
    CallF, CallId, ClassF, ClassId, FileFacts, FuncF, FuncId, Home, Rows, ValueId, ValueKind, VarF,
    VarId,
};
use crate::models::{Models, NodeId};

/// A program-wide symbol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sym(pub u32);

macro_rules! reference {
    ($(#[$doc:meta])* $name:ident, $id:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name {
            /// The file's number in [`Program::files`].
            pub file: u32,
            /// The id in the file's facts.
            pub id: $id,
        }
    };
}

reference!(
    /// A variable of the program.
    VarRef,
    VarId
);
reference!(
    /// A function of the program.
    FuncRef,
    FuncId
);
reference!(
    /// A class of the program.
    ClassRef,
    ClassId
);
reference!(
    /// A value of the program.
    ValueRef,
    ValueId
);
reference!(
    /// A call of the program.
    CallRef,
    CallId
);

/// What link is told of a file.
#[derive(Debug)]
pub struct FileInput {
    /// Its facts.
    pub facts: FileFacts,
    /// Path relative to the project root, with `/`.
    pub path: String,
    /// Dotted module name below its package root.
    pub module: String,
    /// Dotted name below the analysed root, where that is longer (namespace packages).
    pub long_module: Option<String>,
    /// Whether it is a package's `__init__.py`.
    pub is_package: bool,
    /// Whether nothing can import it: a notebook.
    pub is_apart: bool,
    /// Whether it is a stub, which says less than the models of the same library.
    pub is_stub: bool,
    /// Number of its package root; equal for files of one root.
    pub root: u32,
    /// Whether it is test code.
    pub is_test: bool,
    /// Whether it is a copy of somebody else's code.
    pub is_vendored: bool,
}

/// One file of the program.
#[derive(Debug)]
pub struct File {
    /// Its facts.
    pub facts: FileFacts,
    /// Path relative to the project root, with `/`.
    pub path: String,
    /// Dotted module name.
    pub module: String,
    /// Dotted name below the analysed root, where that is longer.
    pub long_module: Option<String>,
    /// Whether it is a package's `__init__.py`.
    pub is_package: bool,
    /// Whether nothing can import it: a notebook.
    pub is_apart: bool,
    /// Whether it is a stub, which says less than the models of the same library.
    pub is_stub: bool,
    /// Number of its package root.
    pub root: u32,
    /// Whether it is test code.
    pub is_test: bool,
    /// Whether it is a copy of somebody else's code.
    pub is_vendored: bool,
    /// Program-wide symbols of the file's names.
    pub syms: Vec<Sym>,
    /// Module-level variables that the file binds.
    pub globals: FxHashMap<Sym, VarId>,
    /// Names bound in class bodies.
    pub class_vars: FxHashMap<(ClassId, Sym), VarId>,
    /// Variables that hold the instance (or the class, when true) in methods of a class.
    pub selfs: FxHashMap<VarId, (ClassId, bool)>,
}

/// The whole program.
#[derive(Debug)]
pub struct Program<'m> {
    /// What API names mean.
    pub models: &'m Models,
    /// All files, in the order of their paths.
    pub files: Vec<File>,
    names: Names,
    /// API names by parent and last part.
    pub(super) api: FxHashMap<(NodeId, Sym), NodeId>,
    /// The node of `builtins`.
    pub(super) builtins: NodeId,
    pub(super) modules: ModuleTree,
    pub(super) classes: ClassTable,
    pub(super) calls: CallGraph,
    pub(super) runs: RunTable,
    pub(super) effects: Effects,
    pub(super) lifetimes: Lifetimes,
    /// What the settings teach of the program's own names.
    pub(super) taught: FxHashMap<Entity, Entity>,
}

impl<'m> Program<'m> {
    pub(super) fn new(inputs: Vec<FileInput>, models: &'m Models) -> Self {
        let mut program = Self {
            models,
            files: Vec::with_capacity(inputs.len()),
            names: Names::default(),
            api: FxHashMap::default(),
            builtins: models
                .names
                .find("builtins")
                .unwrap_or(crate::models::NameTree::ROOT),
            modules: ModuleTree::default(),
            classes: ClassTable::default(),
            calls: CallGraph::default(),
            runs: RunTable::default(),
            effects: Effects::default(),
            lifetimes: Lifetimes::default(),
            taught: FxHashMap::default(),
        };
        for (parent, part, node) in models.names.edges() {
            let sym = program.intern(part);
            program.api.insert((parent, sym), node);
        }
        // Most names of a file are names of others, too: about one in eight is new.
        let names: usize = inputs.iter().map(|it| it.facts.names.len()).sum();
        program.names.reserve(names / 8);
        let syms: Vec<Vec<Sym>> = inputs
            .iter()
            .map(|it| it.facts.names.iter().map(|it| program.intern(it)).collect())
            .collect();
        program.files = inputs
            .into_par_iter()
            .zip(syms)
            .map(|(input, syms)| File::new(input, syms))
            .collect();
        program
    }

    /// The symbol of a text, added when new.
    pub(super) fn intern(&mut self, text: &str) -> Sym {
        Sym(self.names.intern(text).0)
    }

    /// The symbol of a text, when the program mentions it.
    #[must_use]
    pub fn sym(&self, text: &str) -> Option<Sym> {
        self.names.find(text).map(|it| Sym(it.0))
    }

    /// The symbols of those texts that the program mentions.
    #[must_use]
    pub fn syms<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Vec<Sym> {
        texts.into_iter().filter_map(|it| self.sym(it)).collect()
    }

    /// The text of a symbol.
    #[must_use]
    pub fn text(&self, sym: Sym) -> &str {
        self.names.text(Name(sym.0))
    }

    /// The facts of a file.
    #[must_use]
    pub fn facts(&self, file: u32) -> &FileFacts {
        &self.files[file as usize].facts
    }

    /// A function's facts.
    #[must_use]
    pub fn func(&self, func: FuncRef) -> &FuncF {
        &self.facts(func.file).funcs[func.id]
    }

    /// A class's facts.
    #[must_use]
    pub fn class(&self, class: ClassRef) -> &ClassF {
        &self.facts(class.file).classes[class.id]
    }

    /// What link knows of a class.
    #[must_use]
    pub fn class_info(&self, class: ClassRef) -> Option<&ClassInfo> {
        self.classes.get(class)
    }

    /// A variable's facts.
    #[must_use]
    pub fn var(&self, var: VarRef) -> &VarF {
        &self.facts(var.file).vars[var.id]
    }

    /// A call's facts.
    #[must_use]
    pub fn call(&self, call: CallRef) -> &CallF {
        &self.facts(call.file).calls[call.id]
    }

    /// What a value is.
    #[must_use]
    pub fn value(&self, value: ValueRef) -> ValueKind {
        self.facts(value.file).values[value.id].kind
    }

    /// The text of a name of a file.
    #[must_use]
    pub fn name(&self, file: u32, name: impl Into<Name>) -> &str {
        &self.facts(file).names[name.into().0 as usize]
    }

    /// The symbol of a name of a file.
    #[must_use]
    pub fn sym_of(&self, file: u32, name: impl Into<Name>) -> Sym {
        self.files[file as usize].syms[name.into().0 as usize]
    }

    /// The name of a function.
    #[must_use]
    pub fn func_name(&self, func: FuncRef) -> &str {
        self.name(func.file, self.func(func).name)
    }

    /// The name of a class.
    #[must_use]
    pub fn class_name(&self, class: ClassRef) -> &str {
        self.name(class.file, self.class(class).name)
    }

    /// The name of a variable.
    #[must_use]
    pub fn var_name(&self, var: VarRef) -> &str {
        self.name(var.file, self.var(var).name)
    }

    /// The class whose method a function is, through functions nested in the method.
    #[must_use]
    pub fn class_of(&self, func: FuncRef) -> Option<ClassRef> {
        let mut at = Some(func.id);
        while let Some(id) = at {
            let fact = &self.facts(func.file).funcs[id];
            if let Some(class) = fact.class {
                return Some(ClassRef {
                    file: func.file,
                    id: class,
                });
            }
            at = fact.parent;
        }
        None
    }

    /// Dotted name of a function within its module: `Class.method`, `outer.<locals>.inner`.
    #[must_use]
    pub fn qualified(&self, func: FuncRef) -> String {
        let fact = self.func(func);
        let name = self.func_name(func);
        match (fact.class, fact.parent) {
            (Some(class), _) => format!(
                "{}.{name}",
                self.qualified_class(ClassRef {
                    file: func.file,
                    id: class
                })
            ),
            (None, Some(parent)) if parent.index() != 0 => {
                format!(
                    "{}.<locals>.{name}",
                    self.qualified(FuncRef {
                        file: func.file,
                        id: parent
                    })
                )
            }
            _ => name.to_owned(),
        }
    }

    /// Dotted name of a class within its module.
    #[must_use]
    pub fn qualified_class(&self, class: ClassRef) -> String {
        let fact = self.class(class);
        let name = self.class_name(class);
        match fact.outer {
            Some(outer) => format!(
                "{}.{name}",
                self.qualified_class(ClassRef {
                    file: class.file,
                    id: outer
                })
            ),
            None if fact.func.index() != 0 => {
                format!(
                    "{}.<locals>.{name}",
                    self.qualified(FuncRef {
                        file: class.file,
                        id: fact.func
                    })
                )
            }
            None => name.to_owned(),
        }
    }

    /// Values of a list.
    #[must_use]
    pub fn list(&self, file: u32, rows: Rows) -> &[ValueId] {
        &self.facts(file).lists[rows.range()]
    }

    /// All functions of the program.
    pub fn funcs(&self) -> impl Iterator<Item = FuncRef> + '_ {
        self.files.iter().enumerate().flat_map(|(file, it)| {
            it.facts.funcs.ids().map(move |id| FuncRef {
                file: file as u32,
                id,
            })
        })
    }

    /// All classes of the program.
    pub fn class_refs(&self) -> impl Iterator<Item = ClassRef> + '_ {
        self.files.iter().enumerate().flat_map(|(file, it)| {
            it.facts.classes.ids().map(move |id| ClassRef {
                file: file as u32,
                id,
            })
        })
    }

    /// The argument at a position or with a keyword; `None` when it is not given, or hidden behind `*`.
    #[must_use]
    pub fn argument(
        &self,
        file: u32,
        call: &CallF,
        position: Option<usize>,
        keyword: &str,
    ) -> Option<ValueId> {
        use crate::facts::model::ArgKindF;
        let args = &self.facts(file).args[call.args.range()];
        let by_keyword = args.iter().find(
            |it| matches!(it.kind, ArgKindF::Keyword(name) if self.name(file, name) == keyword),
        );
        if let Some(arg) = by_keyword {
            return Some(arg.value);
        }
        let position = position?;
        let mut before = args.iter().take(position + 1);
        if before.any(|it| it.kind == ArgKindF::Star) {
            return None;
        }
        args.get(position)
            .filter(|it| it.kind == ArgKindF::Positional)
            .map(|it| it.value)
    }

    /// Dotted text of an API name.
    #[must_use]
    pub fn api_text(&self, node: NodeId) -> &str {
        self.models.names.text(node)
    }

    /// The span of a value, as far as it is known: of a call its callee, of a name the name.
    #[must_use]
    pub fn value_span(&self, value: ValueRef) -> Span {
        let facts = self.facts(value.file);
        let fact = facts.values[value.id];
        let len = |name: Name| facts.names[name.0 as usize].len() as u32;
        match fact.kind {
            ValueKind::Call(call) => facts.calls[call].at,
            ValueKind::Var(var) => Span::new(fact.at, fact.at + len(facts.vars[var].name)),
            ValueKind::Attr { base, name } => {
                let base = self.value_span(ValueRef {
                    file: value.file,
                    id: base,
                });
                Span::new(fact.at, base.end + 1 + len(name))
            }
            _ => Span::new(fact.at, fact.at + 1),
        }
    }

    /// Contexts from the innermost to the outermost.
    pub fn contexts(
        &self,
        file: u32,
        from: Option<crate::facts::model::ContextId>,
    ) -> impl Iterator<Item = crate::facts::model::ContextKind> + '_ {
        let facts = self.facts(file);
        let mut at = from;
        std::iter::from_fn(move || {
            let context = facts.contexts[at?];
            at = context.parent;
            Some(context.kind)
        })
    }
}

impl File {
    /// Whether one of these symbols stands in the file, as a name or a short string.
    #[must_use]
    pub fn mentions(&self, syms: &[Sym]) -> bool {
        self.syms.iter().any(|it| syms.contains(it))
    }

    fn new(input: FileInput, syms: Vec<Sym>) -> Self {
        let facts = input.facts;
        let mut globals = FxHashMap::default();
        let mut class_vars = FxHashMap::default();
        for (id, var) in facts.vars.iter_ids() {
            match var.home {
                Home::Module if !var.defs.is_empty() => {
                    globals.insert(syms[var.name.0 as usize], id);
                }
                Home::Class(class) => {
                    class_vars.insert((class, syms[var.name.0 as usize]), id);
                }
                _ => {}
            }
        }
        let selfs = selfs(&facts);
        Self {
            path: input.path,
            module: input.module,
            long_module: input.long_module,
            is_package: input.is_package,
            is_apart: input.is_apart,
            is_stub: input.is_stub,
            root: input.root,
            is_test: input.is_test,
            is_vendored: input.is_vendored,
            syms,
            globals,
            class_vars,
            selfs,
            facts,
        }
    }
}

/// First parameters of methods: the instance, or for class methods (and methods of metaclasses' kind) the class.
fn selfs(facts: &FileFacts) -> FxHashMap<VarId, (ClassId, bool)> {
    let mut selfs = FxHashMap::default();
    let names_of = |rows: Rows| -> SmallVec<[&str; 2]> {
        facts.lists[rows.range()]
            .iter()
            .filter_map(|&it| last_name(facts, it))
            .collect()
    };
    for func in facts.funcs.iter() {
        let (Some(class), Some(first)) = (func.class, facts.params.get(func.params.start as usize))
        else {
            continue;
        };
        if func.params.is_empty() {
            continue;
        }
        let decorators = names_of(func.decorators);
        if decorators.contains(&"staticmethod") {
            continue;
        }
        let name = &facts.names[func.name.0 as usize];
        let is_class = decorators.contains(&"classmethod")
            || matches!(name, "__new__" | "__init_subclass__" | "__class_getitem__");
        selfs.insert(first.var, (class, is_class));
    }
    selfs
}

/// The last part of a dotted expression, or of what is called by it: `route` for `@app.route("/")`.
#[must_use]
pub fn last_name(facts: &FileFacts, value: ValueId) -> Option<&str> {
    match facts.values[value].kind {
        ValueKind::Var(var) => Some(&facts.names[facts.vars[var].name.0 as usize]),
        ValueKind::Attr { name, .. } => Some(&facts.names[name.0 as usize]),
        ValueKind::Call(call) => last_name(facts, facts.calls[call].callee),
        _ => None,
    }
}
