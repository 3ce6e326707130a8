//! What is kept of a `.pyi` file: classes, their bases and the names and types of their members; imports and constants.
//!
//! The body of a function in a stub says nothing of what it does, and to believe `...` would be worse than to know
//! nothing. So a method becomes a declared attribute (a property of its type), and a function of the module goes.

use rustc_hash::FxHashMap;

use crate::base::{Idx, IndexVec};
use crate::syntax::tree::{
    Block, ClassId, Expr, ExprId, ExprKind, FuncId, Module, StmtId, StmtKind,
};

/// Takes out all functions. Names are not resolved yet.
pub(super) fn reduce(module: &mut Module) {
    let mut cx = Reducer {
        classes: FxHashMap::default(),
        module,
    };
    let body = cx.module.funcs[FuncId::new(0)].body;
    cx.block(body, false);
    let Reducer { classes, module } = cx;

    let main = module.funcs[FuncId::new(0)].clone();
    module.funcs = IndexVec::new();
    module.funcs.push(main);
    let mut kept: Vec<(ClassId, ClassId)> = classes.iter().map(|(&old, &new)| (new, old)).collect();
    kept.sort_unstable();
    let kept: IndexVec<_> = kept
        .into_iter()
        .map(|(_, old)| module.classes[old].clone())
        .collect();
    module.classes = kept;
    for stmt in module.stmts.iter_mut() {
        match stmt.kind {
            StmtKind::Function(_) => stmt.kind = StmtKind::Pass,
            StmtKind::Class(old) => {
                stmt.kind = classes
                    .get(&old)
                    .map_or(StmtKind::Pass, |&new| StmtKind::Class(new));
            }
            _ => {}
        }
    }
    for expr in module.exprs.iter_mut() {
        if matches!(expr.kind, ExprKind::Lambda(_)) {
            expr.kind = ExprKind::Error;
        }
    }
}

struct Reducer<'m> {
    /// The classes that stay, by their number before.
    classes: FxHashMap<ClassId, ClassId>,
    module: &'m mut Module,
}

impl Reducer<'_> {
    fn block(&mut self, block: Block, in_class: bool) {
        for at in 0..block.len() {
            let stmt = self.module[block][at];
            self.stmt(stmt, in_class);
        }
    }

    fn stmt(&mut self, mut id: StmtId, in_class: bool) {
        loop {
            match self.module.stmts[id].kind {
                StmtKind::Function(func) if in_class => {
                    self.module.stmts[id].kind = self.attribute(func);
                }
                StmtKind::Class(class) => {
                    let next = Idx::new(self.classes.len() as u32);
                    self.classes.insert(class, next);
                    self.block(self.module.classes[class].body, true);
                }
                StmtKind::If { body, orelse, .. } => {
                    self.block(body, in_class);
                    // Ladders are walked in a loop.
                    if let [next] = self.module[orelse] {
                        id = next;
                        continue;
                    }
                    self.block(orelse, in_class);
                }
                StmtKind::While { body, orelse, .. } | StmtKind::For { body, orelse, .. } => {
                    self.block(body, in_class);
                    self.block(orelse, in_class);
                }
                StmtKind::With { body, .. } => self.block(body, in_class),
                StmtKind::Try(id) => {
                    let parts = self.module.tries[id];
                    for block in [parts.body, parts.orelse, parts.finally] {
                        self.block(block, in_class);
                    }
                    for at in 0..parts.handlers.len() {
                        let handler = self.module[parts.handlers][at];
                        self.block(handler.body, in_class);
                    }
                }
                StmtKind::Match { cases, .. } => {
                    for at in 0..cases.len() {
                        let case = self.module[cases][at];
                        self.block(case.body, in_class);
                    }
                }
                _ => {}
            }
            return;
        }
    }

    /// `name: type` for a method: its own type is not said, a property's is.
    fn attribute(&mut self, func: FuncId) -> StmtKind {
        let func = self.module.funcs[func].clone();
        let is_property = self.module[func.decorators].iter().any(|&it| {
            let (ExprKind::Name { name, .. } | ExprKind::Attr { name, .. }) =
                self.module.exprs[it].kind
            else {
                return false;
            };
            self.module.names.text(name).ends_with("property")
        });
        let annotation = match func.returns.filter(|_| is_property) {
            Some(returns) => returns,
            None => self.push(ExprKind::Error, func.name_span),
        };
        let name = ExprKind::Name {
            name: func.name,
            var: None,
        };
        StmtKind::AnnAssign {
            target: self.push(name, func.name_span),
            annotation,
            value: None,
        }
    }

    fn push(&mut self, kind: ExprKind, span: crate::base::Span) -> ExprId {
        self.module.exprs.push(Expr { kind, span })
    }
}
