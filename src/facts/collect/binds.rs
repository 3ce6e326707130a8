//! Definitions, imports, and what is bound or stored by assignments.

use super::{Collector, cast};
use crate::base::{Idx, Name, Span};
use crate::facts::model::{
    ContextKind, DefF, DefKind, ImportF, ParamF, Rows, StoreF, StoreId, StoreKind, Target, Usage,
    Value, ValueId, ValueKind, VarF,
};
use crate::syntax::tree::{self, ArgKind, ClassId, ExprId, ExprKind, List};

/// Where the value of a binding or store comes from.
pub(super) struct Source {
    pub(super) value: Option<ValueId>,
    pub(super) of: From,
}

#[derive(Clone, Copy)]
pub(super) enum From {
    Whole,
    Declare,
    Augment(tree::BinaryOp),
    Delete,
    Unpack(i16),
    Element,
    ElementPart(i16),
    With,
    Except,
    Capture,
}

impl Collector<'_> {
    pub(super) fn definition(&mut self, id: tree::FuncId) {
        let func = &self.tree.funcs[id];
        self.signature(id);
        if let Some(var) = func.var {
            self.def(cast(var), DefKind::Function(cast(id)), None, func.name_span);
        }
        self.queue.push((id, self.context));
    }

    /// Decorators, defaults and annotations: values of the function around.
    pub(super) fn signature(&mut self, id: tree::FuncId) {
        let func = &self.tree.funcs[id];
        let decorators: Vec<_> = self.tree[func.decorators]
            .iter()
            .map(|&it| self.expr(it, Usage::Declared))
            .collect();
        let mut params = Vec::with_capacity(func.params.len());
        for param in &self.tree[func.params] {
            let annotation = param.annotation.map(|it| self.annotation(it));
            let default = param.default.map(|it| self.expr(it, Usage::Declared));
            let var = cast(param.var);
            self.reach.parameter(var, self.defs.len());
            self.defs.push(DefF {
                var,
                kind: DefKind::Param,
                value: default,
                func: cast(id),
                at: param.span,
                context: None,
            });
            params.push(ParamF {
                var,
                kind: param.kind,
                annotation,
                default,
                at: param.span,
            });
        }
        let returns = func.returns.map(|it| self.annotation(it));
        let head = self.tree[func.decorators]
            .first()
            .map_or(func.span.start, |&it| self.tree.exprs[it].span.start);
        let rows = Rows {
            start: self.out.params.len() as u32,
            end: (self.out.params.len() + params.len()) as u32,
        };
        self.out.params.extend(params);
        let decorators = self.list(decorators);
        let fact = &mut self.out.funcs[cast(id)];
        fact.params = rows;
        fact.decorators = decorators;
        fact.returns = returns;
        fact.head = head;
    }

    /// An annotation that some versions of Python evaluate where it stands.
    pub(super) fn annotation(&mut self, id: ExprId) -> ValueId {
        let start = self.out.calls.len() as u32;
        let value = self.expr(id, Usage::Declared);
        let end = self.out.calls.len() as u32;
        if end > start {
            self.out.annotation_calls.push(Rows { start, end });
        }
        value
    }

    pub(super) fn class(&mut self, id: ClassId) {
        let class = &self.tree.classes[id];
        let decorators: Vec<_> = self.tree[class.decorators]
            .iter()
            .map(|&it| self.expr(it, Usage::Declared))
            .collect();
        let mut bases = Vec::new();
        let mut keywords = Vec::new();
        for arg in &self.tree[class.args] {
            let value = self.expr(arg.value, Usage::Declared);
            match arg.kind {
                ArgKind::Positional => bases.push(value),
                ArgKind::Keyword(name) => keywords.push((name, value)),
                ArgKind::Star | ArgKind::DoubleStar => {
                    let at = self.tree.exprs[arg.value].span.start;
                    bases.push(self.out.values.push(Value {
                        kind: ValueKind::Unknown,
                        at,
                    }));
                }
            }
        }
        let bases = self.list(bases);
        let decorators = self.list(decorators);
        let around = self.class.replace(id);
        self.block_under(ContextKind::Class(cast(id)), class.body);
        self.class = around;
        let fact = &mut self.out.classes[cast(id)];
        fact.bases = bases;
        fact.keywords = keywords;
        fact.decorators = decorators;
        self.def(
            cast(class.var),
            DefKind::Class(cast(id)),
            None,
            class.name_span,
        );
    }

    pub(super) fn import(
        &mut self,
        from: Option<Option<Name>>,
        level: u32,
        names: List<tree::Alias>,
    ) {
        for alias in &self.tree[names] {
            let is_star = self.tree.names.text(alias.name) == "*";
            let import = self.out.imports.push(ImportF {
                var: alias.var.map(cast),
                module: from.unwrap_or(Some(alias.name)),
                level,
                item: if from.is_some() && !is_star {
                    Some(alias.name)
                } else {
                    None
                },
                binds_last: alias.asname.is_some(),
                func: self.func,
                context: self.context,
                at: alias.span,
            });
            if let Some(var) = alias.var {
                self.def(cast(var), DefKind::Import(import), None, alias.span);
            }
        }
    }

    pub(super) fn assign(&mut self, targets: List<ExprId>, value: ExprId) {
        let usage = self.tree[targets]
            .first()
            .map_or(Usage::Bound, |&it| self.usage_of_target(it));
        let given = self.expr(value, usage);
        for &target in &self.tree[targets] {
            self.target(
                target,
                &Source {
                    value: Some(given),
                    of: From::Whole,
                },
            );
        }
    }

    pub(super) fn usage_of_target(&self, target: ExprId) -> Usage {
        match self.tree.exprs[target].kind {
            ExprKind::Name { .. } => Usage::Bound,
            ExprKind::Tuple(_) | ExprKind::List(_) => Usage::Iterated,
            _ => Usage::Stored,
        }
    }

    pub(super) fn target(&mut self, target: ExprId, source: &Source) {
        let expr = self.tree.exprs[target];
        match expr.kind {
            ExprKind::Name { var: Some(var), .. } => {
                let kind = match source.of {
                    From::Whole => DefKind::Assign,
                    From::Declare => DefKind::Declare,
                    From::Augment(op) => DefKind::Augment(op),
                    From::Delete => DefKind::Delete,
                    From::Unpack(at) => DefKind::Unpack(at),
                    From::Element => DefKind::Element(None),
                    From::ElementPart(at) => DefKind::Element(Some(at)),
                    From::With => DefKind::With,
                    From::Except => DefKind::Except,
                    From::Capture => DefKind::Capture,
                };
                self.def(cast(var), kind, source.value, expr.span);
            }
            ExprKind::Attr { base, name } => {
                let base = self.expr(base, Usage::AttrBase);
                self.store(target, Target::Attr(name), base, source);
            }
            ExprKind::Subscript { base, index } => {
                let base = self.expr(base, Usage::ItemBase);
                let place = match self.tree.exprs[index].kind {
                    ExprKind::Slice { .. } => {
                        self.expr(index, Usage::Key);
                        Target::Slice
                    }
                    _ => Target::Item(self.expr(index, Usage::Key)),
                };
                self.store(target, place, base, source);
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => self.unpack(parts, source),
            ExprKind::Starred(inner) => self.target(inner, source),
            _ => {}
        }
    }

    pub(super) fn unpack(&mut self, parts: List<ExprId>, source: &Source) {
        let parts = &self.tree[parts];
        if let (From::Whole, Some(value)) = (source.of, source.value)
            && let ValueKind::Tuple(rows) | ValueKind::List(rows) = self.out.values[value].kind
            && rows.len() == parts.len()
            && !parts
                .iter()
                .any(|&it| matches!(self.tree.exprs[it].kind, ExprKind::Starred(_)))
            && !self.out.lists[rows.range()]
                .iter()
                .any(|&it| matches!(self.out.values[it].kind, ValueKind::Star(_)))
        {
            for (at, &part) in parts.iter().enumerate() {
                let value = self.out.lists[rows.start as usize + at];
                self.target(
                    part,
                    &Source {
                        value: Some(value),
                        of: From::Whole,
                    },
                );
            }
            return;
        }
        let star = parts
            .iter()
            .position(|&it| matches!(self.tree.exprs[it].kind, ExprKind::Starred(_)));
        for (at, &part) in parts.iter().enumerate() {
            let index = match star {
                Some(star) if at == star => i16::MIN,
                Some(star) if at > star => {
                    i16::try_from(at as i64 - parts.len() as i64).unwrap_or(i16::MIN)
                }
                _ => i16::try_from(at).unwrap_or(i16::MIN),
            };
            let of = match source.of {
                From::Whole => From::Unpack(index),
                From::Element => From::ElementPart(index),
                From::Delete => From::Delete,
                _ => From::Unpack(i16::MIN),
            };
            self.target(
                part,
                &Source {
                    value: source.value,
                    of,
                },
            );
        }
    }

    pub(super) fn def(&mut self, var: Idx<VarF>, kind: DefKind, value: Option<ValueId>, at: Span) {
        let def = DefF {
            var,
            kind,
            value,
            func: self.func,
            at,
            context: self.context,
        };
        if self.is_walrus {
            self.reach.define_perhaps(var, self.defs.len());
        } else {
            self.reach.define(&def, self.defs.len());
        }
        self.defs.push(def);
    }

    pub(super) fn store(&mut self, expr: ExprId, target: Target, base: ValueId, source: &Source) {
        let kind = match source.of {
            From::Whole => StoreKind::Assign,
            From::Augment(op) => StoreKind::Augment(op),
            From::Delete => StoreKind::Delete,
            From::Declare => StoreKind::Declare,
            _ => StoreKind::Part,
        };
        let id: StoreId = self.out.stores.push(StoreF {
            target,
            kind,
            base,
            value: source.value,
            func: self.func,
            at: self.tree.exprs[expr].span,
            context: self.context,
        });
        self.sites.set_store(expr, id);
    }
}
