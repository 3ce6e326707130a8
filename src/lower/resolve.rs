//! Scopes and variables by CPython's rules, for the trees of both doors.
//!
//! Two steps. [`Binder`] walks the tree once: it makes the scopes, a variable for every name that a scope binds, and a
//! list of all uses. Then each use looks for its variable from its scope outwards, because a name may be bound after a
//! function that reads it. For example
//!
//! ```python
//! def f():
//!     def g():
//!         return lambda: x    # `x` is not in the lambda, not in g, but in f:
//!     x = 1                   # it lives in a cell, and both g and the lambda keep it
//! ```
//!
//! A comprehension has a scope of its own and belongs to the function around it. A class body is seen neither by
//! functions nor by comprehensions inside it; it reads cells, and keeps none.
//!
//! Operator and call chains and `elif` ladders are walked along their spine, the rest by recursion, which a door bounds by
//! [`MAX_DEPTH`](crate::limits::MAX_DEPTH).

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::base::Name;
use crate::syntax::tree::{
    Arg, Block, ClassId, CompId, ExprId, ExprKind, Func, FuncId, FuncKind, List, Module, PatId,
    PatKind, Scope, ScopeId, ScopeKind, StmtId, StmtKind, TryId, Var, VarId,
};

/// Fills scopes and variables, and what depends on them: who holds a definition, whether it yields, private names.
pub(super) fn resolve(module: &mut Module) {
    module.scopes.push(Scope {
        kind: ScopeKind::Module,
        parent: None,
        func: FuncId::new(0),
        vars: Vec::new(),
    });
    let known = Known {
        class: module.names.intern("__class__"),
        super_: module.names.find("super"),
        class_cells: FxHashMap::default(),
    };
    let (table, uses) = ROOM.take();
    let mut binder = Binder {
        module,
        known,
        table,
        uses,
        spine: Vec::new(),
        place: Place {
            scope: ScopeId::new(0),
            func: FuncId::new(0),
            class: None,
            private: None,
        },
    };
    let body = binder.module.funcs[FuncId::new(0)].body;
    binder.block(body);
    binder.resolve_uses();
    let Binder {
        mut table,
        mut uses,
        ..
    } = binder;
    if uses.capacity() <= ROOM_USES {
        table.clear();
        uses.clear();
        ROOM.set((table, uses));
    }
}

type Table = FxHashMap<(ScopeId, Name), Entry>;

thread_local! {
    /// Room for the table and the uses of the next file.
    static ROOM: RefCell<(Table, Vec<Use>)> = RefCell::default();
}

/// Uses beyond which the room is not kept for the next file: few files are so long.
const ROOM_USES: usize = 1 << 17;

/// What a scope says about a name.
#[derive(Clone, Copy)]
enum Entry {
    /// It owns this variable.
    Owns(VarId),
    /// `global`
    Global,
    /// `nonlocal`
    Nonlocal,
    /// It reads this variable of a scope around; noted when first asked.
    Reads(VarId),
}

/// A place that names a variable.
#[derive(Clone, Copy)]
struct Use {
    what: What,
    scope: ScopeId,
    name: Name,
    binds: bool,
}

#[derive(Clone, Copy)]
enum What {
    Expr(ExprId),
    Func(FuncId),
    Class(ClassId),
    Alias(u32),
    /// Nothing is to be filled, but a variable around, if there is one, is kept: `nonlocal`, and `super` for `__class__`.
    Hint,
}

/// Names with a meaning of their own.
struct Known {
    class: Name,
    super_: Option<Name>,
    /// The variables that class bodies hand to their methods as `__class__`.
    class_cells: FxHashMap<ScopeId, VarId>,
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct Place {
    scope: ScopeId,
    func: FuncId,
    /// The class whose body this is, directly.
    class: Option<ClassId>,
    /// The class around, however far, for private names.
    private: Option<ClassId>,
}

struct Binder<'m> {
    module: &'m mut Module,
    known: Known,
    table: Table,
    uses: Vec<Use>,
    spine: Vec<ExprId>,
    place: Place,
}

impl Binder<'_> {
    // Scopes and variables.

    fn push_scope(&mut self, kind: ScopeKind, func: FuncId) -> ScopeId {
        self.module.scopes.push(Scope {
            kind,
            parent: Some(self.place.scope),
            func,
            vars: Vec::new(),
        })
    }

    fn push_var(&mut self, name: Name, scope: ScopeId) -> VarId {
        let var = self.module.vars.push(Var {
            name,
            scope,
            is_bound: false,
            param: None,
            is_captured: false,
            is_declared_global: false,
            bindings: 0,
        });
        self.module.scopes[scope].vars.push(var);
        var
    }

    /// The variable that `scope` owns under this name, made when new.
    fn own(&mut self, name: Name, scope: ScopeId) -> VarId {
        if let Some(&Entry::Owns(var)) = self.table.get(&(scope, name)) {
            return var;
        }
        let var = self.push_var(name, scope);
        self.table.insert((scope, name), Entry::Owns(var));
        var
    }

    /// Notes that `what` binds `name` in `scope`, which then owns it unless it is declared elsewhere.
    fn bind(&mut self, what: What, name: Name, scope: ScopeId) {
        if !self.table.contains_key(&(scope, name)) {
            self.own(name, scope);
        }
        self.uses.push(Use {
            what,
            scope,
            name,
            binds: true,
        });
    }

    /// A variable that a parameter or type parameter binds at once.
    fn bind_param(&mut self, name: Name, scope: ScopeId, position: Option<u32>) -> VarId {
        let id = self.own(name, scope);
        let var = &mut self.module.vars[id];
        var.is_bound = true;
        var.bindings += 1;
        var.param = position;
        id
    }

    /// `__x` inside `class _C` is `_C__x`, unless it ends in `__`.
    fn private(&mut self, name: Name) -> Name {
        let Some(class) = self.place.private else {
            return name;
        };
        let names = &self.module.names;
        let text = names.text(name);
        if !text.starts_with("__") || text.ends_with("__") || text.contains('.') {
            return name;
        }
        let class = names.text(self.module.classes[class].name);
        let class = class.trim_start_matches('_');
        if class.is_empty() {
            return name;
        }
        let private = format!("_{class}{text}");
        self.module.names.intern(&private)
    }

    // Statements.

    fn block(&mut self, block: Block) {
        for i in 0..block.len() {
            self.stmt(self.module[block][i]);
        }
    }

    fn stmt(&mut self, id: StmtId) {
        match self.module.stmts[id].kind {
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::Assign { targets, value } => {
                self.expr(value);
                self.targets(targets);
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.target(target);
                self.expr(value);
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                self.expr(annotation);
                self.opt(value);
                self.target(target);
            }
            StmtKind::Return(value) => self.opt(value),
            StmtKind::Raise { exc, cause } => {
                self.opt(exc);
                self.opt(cause);
            }
            StmtKind::Delete(targets) => self.targets(targets),
            StmtKind::Global(names) => self.declare(names, Entry::Global),
            StmtKind::Nonlocal(names) => self.declare(names, Entry::Nonlocal),
            StmtKind::Import(aliases) => self.import(aliases.start, aliases.len, true),
            StmtKind::ImportFrom { names, .. } => self.import(names.start, names.len, false),
            StmtKind::If { test, body, orelse } => self.if_ladder(test, body, orelse),
            StmtKind::While { test, body, orelse } => {
                self.expr(test);
                self.block(body);
                self.block(orelse);
            }
            StmtKind::For {
                target,
                iter,
                body,
                orelse,
                ..
            } => {
                self.expr(iter);
                self.target(target);
                self.block(body);
                self.block(orelse);
            }
            StmtKind::Try(parts) => self.try_stmt(parts),
            StmtKind::With { items, body, .. } => {
                for i in 0..items.len() {
                    let item = self.module[items][i];
                    self.expr(item.context);
                    item.target.into_iter().for_each(|it| self.target(it));
                }
                self.block(body);
            }
            StmtKind::Match { subject, cases } => {
                self.expr(subject);
                for i in 0..cases.len() {
                    let case = self.module[cases][i];
                    self.pattern(case.pattern);
                    self.opt(case.guard);
                    self.block(case.body);
                }
            }
            StmtKind::Function(id) => self.def(id),
            StmtKind::Class(id) => self.class(id),
            StmtKind::Assert { test, message } => {
                self.expr(test);
                self.opt(message);
            }
            StmtKind::TypeAlias {
                name,
                type_params,
                value,
            } => {
                self.target(name);
                let outside = self.enter_type_params(type_params);
                self.expr(value);
                self.place = outside;
            }
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue | StmtKind::Error => {}
        }
    }

    fn if_ladder(&mut self, mut test: ExprId, mut body: Block, mut orelse: Block) {
        loop {
            self.expr(test);
            self.block(body);
            if let [next] = self.module[orelse]
                && let StmtKind::If {
                    test: t,
                    body: b,
                    orelse: o,
                } = self.module.stmts[next].kind
            {
                (test, body, orelse) = (t, b, o);
            } else {
                return self.block(orelse);
            }
        }
    }

    fn declare(&mut self, names: List<Name>, entry: Entry) {
        for i in 0..names.len() {
            let name = self.private(self.module[names][i]);
            if self.place.scope != ScopeId::new(0) {
                self.table.entry((self.place.scope, name)).or_insert(entry);
            }
            if matches!(entry, Entry::Nonlocal) {
                self.read(What::Hint, name);
            }
        }
    }

    fn import(&mut self, start: u32, len: u32, binds_first_part: bool) {
        for i in start..start + len {
            let alias = self.module.aliases[i as usize];
            let text = self.module.names.text(alias.name);
            let bound = match alias.asname {
                Some(name) => name,
                None if text == "*" => continue,
                None => match text.split_once('.') {
                    Some((first, _)) if binds_first_part => {
                        let first = first.to_owned();
                        self.module.names.intern(&first)
                    }
                    _ => alias.name,
                },
            };
            let bound = self.private(bound);
            self.bind(What::Alias(i), bound, self.place.scope);
        }
    }

    fn try_stmt(&mut self, id: TryId) {
        let parts = self.module.tries[id];
        self.block(parts.body);
        for i in 0..parts.handlers.len() {
            let handler = self.module[parts.handlers][i];
            self.opt(handler.typ);
            handler.name.into_iter().for_each(|it| self.target(it));
            self.block(handler.body);
        }
        self.block(parts.orelse);
        self.block(parts.finally);
    }

    fn def(&mut self, id: FuncId) {
        let Func {
            name,
            params,
            decorators,
            returns,
            type_params,
            body,
            ..
        } = self.module.funcs[id];
        self.exprs(decorators);
        for i in 0..params.len() {
            self.opt(self.module[params][i].default);
        }
        let name = self.private(name);
        self.bind(What::Func(id), name, self.place.scope);
        let outside = self.enter_type_params(type_params);
        for i in 0..params.len() {
            self.opt(self.module[params][i].annotation);
        }
        self.opt(returns);
        self.enter_func(id, outside);
        self.block(body);
        self.place = outside;
    }

    fn lambda(&mut self, id: FuncId) {
        let Func { params, value, .. } = self.module.funcs[id];
        for i in 0..params.len() {
            self.opt(self.module[params][i].default);
        }
        let outside = self.place;
        self.enter_func(id, outside);
        self.opt(value);
        self.place = outside;
    }

    /// Goes into a function's own scope and binds its parameters; `outside` is where its definition stands.
    fn enter_func(&mut self, id: FuncId, outside: Place) {
        let scope = self.push_scope(ScopeKind::Function, id);
        let func = &mut self.module.funcs[id];
        func.scope = scope;
        func.parent = Some(outside.func);
        func.class = outside.class;
        let params = func.params;
        for i in 0..params.len as usize {
            let at = params.start as usize + i;
            let name = self.private(self.module.params[at].name);
            self.module.params[at].var = self.bind_param(name, scope, Some(i as u32));
        }
        self.place = Place {
            scope,
            func: id,
            class: None,
            ..self.place
        };
    }

    /// Goes into the scope of PEP 695 type parameters, if there are any; returns where the walk was.
    fn enter_type_params(&mut self, names: List<Name>) -> Place {
        let outside = self.place;
        if !names.is_empty() {
            let scope = self.push_scope(ScopeKind::TypeParams, outside.func);
            for i in 0..names.len() {
                let name = self.private(self.module[names][i]);
                self.bind_param(name, scope, None);
            }
            self.place = Place {
                scope,
                class: None,
                ..outside
            };
        }
        outside
    }

    fn class(&mut self, id: ClassId) {
        let class = &self.module.classes[id];
        let (name, args, body) = (class.name, class.args, class.body);
        let type_params = class.type_params;
        self.exprs(class.decorators);
        let name = self.private(name);
        self.bind(What::Class(id), name, self.place.scope);
        let outside = self.enter_type_params(type_params);
        self.args(args);
        let scope = self.push_scope(ScopeKind::Class(id), outside.func);
        let class = &mut self.module.classes[id];
        class.scope = scope;
        class.func = outside.func;
        class.outer = outside.class;
        self.place = Place {
            scope,
            func: outside.func,
            class: Some(id),
            private: Some(id),
        };
        self.block(body);
        self.place = outside;
    }

    // Stores.

    fn targets(&mut self, targets: List<ExprId>) {
        for i in 0..targets.len() {
            self.target(self.module[targets][i]);
        }
    }

    fn target(&mut self, id: ExprId) {
        match self.module.exprs[id].kind {
            ExprKind::Name { name, .. } => self.name(id, name, Some(self.place.scope)),
            ExprKind::Tuple(elements) | ExprKind::List(elements) => self.targets(elements),
            ExprKind::Starred(inner) => self.target(inner),
            _ => self.expr(id),
        }
    }

    /// A name, read or, when a scope is given, bound there.
    fn name(&mut self, id: ExprId, name: Name, bound_in: Option<ScopeId>) {
        let private = self.private(name);
        if private != name {
            self.module.exprs[id].kind = ExprKind::Name {
                name: private,
                var: None,
            };
        }
        let what = What::Expr(id);
        if let Some(scope) = bound_in {
            return self.bind(what, private, scope);
        }
        self.read(what, private);
        if self.known.super_ == Some(name) {
            self.read(What::Hint, self.known.class);
        }
    }

    fn read(&mut self, what: What, name: Name) {
        self.uses.push(Use {
            what,
            scope: self.place.scope,
            name,
            binds: false,
        });
    }

    fn pattern(&mut self, id: PatId) {
        match self.module.pats[id].kind {
            PatKind::Value(value) => self.expr(value),
            PatKind::Wildcard => {}
            PatKind::Capture { pattern, name } => {
                pattern.into_iter().for_each(|it| self.pattern(it));
                self.target(name);
            }
            PatKind::Sequence(pats) | PatKind::Or(pats) => self.patterns(pats),
            PatKind::Mapping { keys, pats, rest } => {
                self.exprs(keys);
                self.patterns(pats);
                rest.into_iter().for_each(|it| self.target(it));
            }
            PatKind::Class { cls, pats } => {
                self.expr(cls);
                self.patterns(pats);
            }
            PatKind::Star(name) => name.into_iter().for_each(|it| self.target(it)),
        }
    }

    fn patterns(&mut self, pats: List<PatId>) {
        for i in 0..pats.len() {
            self.pattern(self.module[pats][i]);
        }
    }

    // Expressions.

    fn opt(&mut self, id: Option<ExprId>) {
        if let Some(id) = id {
            self.expr(id);
        }
    }

    fn exprs(&mut self, list: List<ExprId>) {
        for i in 0..list.len() {
            self.expr(self.module[list][i]);
        }
    }

    fn args(&mut self, args: List<Arg>) {
        for i in 0..args.len() {
            self.expr(self.module[args][i].value);
        }
    }

    /// An expression; chains that lean to the left are walked along their spine.
    fn expr(&mut self, id: ExprId) {
        let base = self.spine.len();
        let mut left = id;
        loop {
            let next = match self.module.exprs[left].kind {
                ExprKind::Attr { base, .. } | ExprKind::Subscript { base, .. } => base,
                ExprKind::Call { callee, .. } => callee,
                ExprKind::Binary { left, .. } => left,
                _ => break,
            };
            self.spine.push(left);
            left = next;
        }
        self.leaf(left);
        while self.spine.len() > base
            && let Some(link) = self.spine.pop()
        {
            match self.module.exprs[link].kind {
                ExprKind::Attr { base, name } => {
                    let name = self.private(name);
                    self.module.exprs[link].kind = ExprKind::Attr { base, name };
                }
                ExprKind::Subscript { index, .. } => self.expr(index),
                ExprKind::Call { args, .. } => self.args(args),
                ExprKind::Binary { right, .. } => self.expr(right),
                _ => {}
            }
        }
    }

    fn leaf(&mut self, id: ExprId) {
        match self.module.exprs[id].kind {
            ExprKind::Name { name, .. } => self.name(id, name, None),
            ExprKind::Slice { lo, hi, step } => {
                self.opt(lo);
                self.opt(hi);
                self.opt(step);
            }
            ExprKind::FString { holes } => self.exprs(holes),
            ExprKind::List(list)
            | ExprKind::Tuple(list)
            | ExprKind::Set(list)
            | ExprKind::Or(list) => self.exprs(list),
            ExprKind::And(list) => self.and(list),
            ExprKind::Dict { keys, values } => {
                for i in 0..keys.len() {
                    self.opt(self.module[keys][i]);
                    self.expr(self.module[values][i]);
                }
            }
            ExprKind::Comp(comp) => self.comp(comp),
            ExprKind::Lambda(func) => self.lambda(func),
            ExprKind::Compare { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::IfElse { test, body, orelse } => {
                self.expr(test);
                self.expr(body);
                self.expr(orelse);
            }
            ExprKind::Yield(value) => {
                self.mark_generator();
                self.opt(value);
            }
            ExprKind::YieldFrom(value) => {
                self.mark_generator();
                self.expr(value);
            }
            ExprKind::Unary { operand: value, .. }
            | ExprKind::Await(value)
            | ExprKind::Starred(value) => self.expr(value),
            ExprKind::Walrus { target, value } => {
                self.expr(value);
                if let ExprKind::Name { name, .. } = self.module.exprs[target].kind {
                    self.name(target, name, Some(self.walrus_scope()));
                }
            }
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::None
            | ExprKind::Ellipsis
            | ExprKind::Str { .. }
            | ExprKind::Bytes { .. }
            | ExprKind::Error
            | ExprKind::Attr { .. }
            | ExprKind::Subscript { .. }
            | ExprKind::Call { .. }
            | ExprKind::Binary { .. } => {}
        }
    }

    /// Operands of `and`. The links of a chained comparison share operands, each of which is walked once.
    fn and(&mut self, list: List<ExprId>) {
        let mut shared = None;
        for i in 0..list.len() {
            let id = self.module[list][i];
            match self.module.exprs[id].kind {
                ExprKind::Compare { left, right, .. } => {
                    if shared != Some(left) {
                        self.expr(left);
                    }
                    self.expr(right);
                    shared = Some(right);
                }
                _ => {
                    self.expr(id);
                    shared = None;
                }
            }
        }
    }

    fn mark_generator(&mut self) {
        let func = &mut self.module.funcs[self.place.func];
        func.is_generator = func.kind != FuncKind::Module;
    }

    /// A comprehension; its outermost iterable is evaluated in the scope around.
    fn comp(&mut self, id: CompId) {
        let comp = self.module.comps[id];
        let outside = self.place;
        let scope = self.push_scope(ScopeKind::Comprehension, outside.func);
        self.module.comps[id].scope = scope;
        for i in 0..comp.clauses.len() {
            let clause = self.module[comp.clauses][i];
            if i == 0 {
                self.expr(clause.iter);
                self.place = Place {
                    scope,
                    class: None,
                    ..outside
                };
                self.target(clause.target);
            } else {
                self.target(clause.target);
                self.expr(clause.iter);
            }
            self.exprs(clause.tests);
        }
        self.expr(comp.element);
        self.opt(comp.value);
        self.place = outside;
    }

    /// Where `:=` binds: outside of the comprehensions around it.
    fn walrus_scope(&self) -> ScopeId {
        let mut scope = self.place.scope;
        while let Scope {
            kind: ScopeKind::Comprehension,
            parent: Some(parent),
            ..
        } = self.module.scopes[scope]
        {
            scope = parent;
        }
        scope
    }

    // Uses.

    fn resolve_uses(&mut self) {
        for at in 0..self.uses.len() {
            let it = self.uses[at];
            let Some(id) = self.lookup(it) else { continue };
            if it.binds {
                let var = &mut self.module.vars[id];
                var.is_bound = true;
                var.bindings += 1;
            }
            match it.what {
                What::Expr(expr) => {
                    self.module.exprs[expr].kind = ExprKind::Name {
                        name: it.name,
                        var: Some(id),
                    };
                }
                What::Func(func) => self.module.funcs[func].var = Some(id),
                What::Class(class) => self.module.classes[class].var = id,
                What::Alias(alias) => self.module.aliases[alias as usize].var = Some(id),
                What::Hint => {}
            }
        }
        for func in self.module.funcs.iter_mut() {
            func.free.sort_unstable();
            func.free.dedup();
        }
    }

    fn lookup(&mut self, it: Use) -> Option<VarId> {
        let global = ScopeId::new(0);
        let is_nonlocal = match self.table.get(&(it.scope, it.name)) {
            Some(&(Entry::Owns(var) | Entry::Reads(var))) => return Some(var),
            Some(Entry::Global) => {
                let var = self.own(it.name, global);
                self.module.vars[var].is_declared_global |= it.binds;
                return Some(var);
            }
            Some(Entry::Nonlocal) => true,
            None => false,
        };
        let found = self.search(it.scope, it.name);
        if matches!(it.what, What::Hint) && found.is_none() {
            return None;
        }
        let var = match found {
            Some(var) => var,
            None => self.own(it.name, global),
        };
        let owner = self.module.vars[var].scope;
        if owner != global {
            self.capture(var, owner, it.scope);
        }
        if !is_nonlocal && it.scope != global {
            self.table.insert((it.scope, it.name), Entry::Reads(var));
        }
        Some(var)
    }

    /// The variable of a scope around `from`, other than the module, that `name` means there.
    fn search(&mut self, from: ScopeId, name: Name) -> Option<VarId> {
        let start = &self.module.scopes[from];
        // Type parameters are the one scope that sees the class body right around it.
        let mut sees_class = start.kind == ScopeKind::TypeParams;
        let mut next = start.parent;
        while let Some(id) = next {
            let Scope { kind, parent, .. } = self.module.scopes[id];
            let entry = self.table.get(&(id, name));
            match (kind, entry) {
                (ScopeKind::Module, _) => return None,
                (ScopeKind::Class(_), Some(&Entry::Owns(var))) if sees_class => return Some(var),
                (ScopeKind::Class(_), _) if name == self.known.class => {
                    return Some(self.implicit_class(id));
                }
                (ScopeKind::Class(_), _) => {}
                (_, Some(&Entry::Owns(var))) => return Some(var),
                (_, Some(Entry::Global)) => return None,
                (_, Some(Entry::Nonlocal | Entry::Reads(_)) | None) => {}
            }
            sees_class = false;
            next = parent;
        }
        None
    }

    /// The cell in which a class body hands the class to its methods.
    fn implicit_class(&mut self, scope: ScopeId) -> VarId {
        if let Some(&var) = self.known.class_cells.get(&scope) {
            return var;
        }
        let var = self.push_var(self.known.class, scope);
        self.module.vars[var].is_bound = true;
        self.known.class_cells.insert(scope, var);
        var
    }

    /// Notes that `var` is used from `from`: every function on the way to its owner keeps it.
    fn capture(&mut self, var: VarId, owner: ScopeId, from: ScopeId) {
        let mut at = from;
        while at != owner {
            let scope = &self.module.scopes[at];
            match scope.kind {
                ScopeKind::Function => {
                    self.module.vars[var].is_captured = true;
                    self.module.funcs[scope.func].free.push(var);
                }
                ScopeKind::Class(_) => self.module.vars[var].is_captured = true,
                ScopeKind::Module | ScopeKind::Comprehension | ScopeKind::TypeParams => {}
            }
            match scope.parent {
                Some(parent) => at = parent,
                None => return,
            }
        }
    }
}
