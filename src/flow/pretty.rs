//! A readable print of a flow graph, with names from the facts.
//!
//! ```text
//! b0:
//!   call open(p)
//!   f = open(p)
//!   goto b1
//! b1 !b3:               exceptions go to b3
//!   call f.read()
//!   return f.read()
//!   goto b2
//! ```

use std::fmt::Write;

use super::ir::{Body, Exit, InstKind};
use crate::base::Name;
use crate::facts::model::{
    ArgKindF, CallId, FileFacts, Rows, StoreKind, Target, ValueId, ValueKind, VarId,
};
use crate::limits;

/// Prints a graph.
#[must_use]
pub fn print(body: &Body, facts: &FileFacts) -> String {
    let mut out = String::new();
    if body.is_cut {
        out.push_str("cut\n");
    }
    for (i, block) in body.blocks.iter().enumerate() {
        let _ = write!(out, "b{i}");
        if let Some(unwind) = block.unwind {
            let _ = write!(out, " !b{}", unwind.raw());
        }
        out.push_str(":\n");
        for inst in &body.insts[block.start as usize..block.end as usize] {
            let _ = writeln!(out, "  {}", instruction(&inst.kind, facts));
        }
        let exit = match block.exit {
            Exit::Goto(to) => format!("goto b{}", to.raw()),
            Exit::Branch { test, then, orelse } => format!(
                "if {} then b{} else b{}",
                value(facts, test),
                then.raw(),
                orelse.raw()
            ),
            Exit::Either(a, b) => format!("either b{} or b{}", a.raw(), b.raw()),
            Exit::Return => "leave".to_owned(),
            Exit::Raise => "raise".to_owned(),
            Exit::Dead => "dead".to_owned(),
        };
        let _ = writeln!(out, "  {exit}");
    }
    out
}

fn instruction(kind: &InstKind, facts: &FileFacts) -> String {
    let show =
        |it: &Option<ValueId>| it.map_or_else(String::new, |it| format!(" {}", value(facts, it)));
    match kind {
        InstKind::Call(call) => format!("call {}", call_text(facts, *call, 0)),
        InstKind::Bind { var, value: of } => {
            format!("{} = {}", var_name(facts, *var), value(facts, *of))
        }
        InstKind::Part {
            var,
            value: of,
            index,
        } => {
            let index = index.map_or_else(
                || "?".to_owned(),
                |it| match it {
                    i16::MIN => "*".to_owned(),
                    it => it.to_string(),
                },
            );
            let of = of.map_or_else(|| "?".to_owned(), |it| value(facts, it));
            format!("{} = part {index} of {of}", var_name(facts, *var))
        }
        InstKind::Unbind(var) => format!("del {}", var_name(facts, *var)),
        InstKind::Store(store) => {
            let store = &facts.stores[*store];
            let base = value(facts, store.base);
            let target = match store.target {
                Target::Attr(name) => format!("{base}.{}", text(facts, name)),
                Target::Item(key) => format!("{base}[{}]", value(facts, key)),
                Target::Slice => format!("{base}[:]"),
            };
            match store.kind {
                StoreKind::Delete => format!("del {target}"),
                kind => {
                    let sign = match kind {
                        StoreKind::Augment(op) => format!("{}=", op.text()),
                        StoreKind::Part => "<-".to_owned(),
                        _ => "=".to_owned(),
                    };
                    format!("store {target} {sign}{}", show(&store.value))
                }
            }
        }
        InstKind::Drop(of) => format!("drop {}", value(facts, *of)),
        InstKind::Enter {
            manager,
            var,
            is_async,
        } => {
            let name = var.map_or_else(String::new, |it| format!(" as {}", var_name(facts, it)));
            let word = if *is_async { "async enter" } else { "enter" };
            format!("{word} {}{name}", value(facts, *manager))
        }
        InstKind::Exit { manager, is_async } => {
            let word = if *is_async { "async exit" } else { "exit" };
            format!("{word} {}", value(facts, *manager))
        }
        InstKind::Return(of) => format!("return{}", show(of)),
        InstKind::Yield(of) => format!("yield{}", show(of)),
        InstKind::Await(of) => format!("await {}", value(facts, *of)),
        InstKind::Throw(of) => format!("throw{}", show(of)),
        InstKind::Define(func) => format!("define {}", text(facts, facts.funcs[*func].name)),
        InstKind::Iterate(of) => format!("iterate {}", value(facts, *of)),
        InstKind::PassedOn => "passed on".to_owned(),
        InstKind::MayRaise => "may raise".to_owned(),
    }
}

fn text(facts: &FileFacts, name: Name) -> &str {
    &facts.names[name.0 as usize]
}

fn var_name(facts: &FileFacts, var: VarId) -> &str {
    text(facts, facts.vars[var].name)
}

/// Prints a value roughly as it is written.
#[must_use]
pub fn value(facts: &FileFacts, value: ValueId) -> String {
    value_at(facts, value, 0)
}

fn value_at(facts: &FileFacts, value: ValueId, depth: u32) -> String {
    if depth > limits::VALUE_DEPTH {
        return "…".to_owned();
    }
    let show = |it| value_at(facts, it, depth + 1);
    let list = |rows: Rows| {
        facts.lists[rows.start as usize..rows.end as usize]
            .iter()
            .map(|&it| show(it))
            .collect::<Vec<_>>()
    };
    match facts.values[value].kind {
        ValueKind::Unknown => "?".to_owned(),
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool(_) => "bool".to_owned(),
        ValueKind::Int(it) => it.to_string(),
        ValueKind::Float(_) => "float".to_owned(),
        ValueKind::Str { text: None, len } => format!("'{len}'"),
        ValueKind::Str { text: Some(it), .. } => format!("{:?}", text(facts, it.into())),
        ValueKind::Bytes(len) => format!("b'{len}'"),
        ValueKind::FString(rows) => format!("f'{}'", list(rows).join(" ")),
        ValueKind::Var(var) => var_name(facts, var).to_owned(),
        ValueKind::Attr { base, name } => format!("{}.{}", show(base), text(facts, name)),
        ValueKind::Item { base, key } => format!("{}[{}]", show(base), show(key)),
        ValueKind::Slice { base } => format!("{}[:]", show(base)),
        ValueKind::Call(call) => call_text(facts, call, depth),
        ValueKind::List(rows) => format!("[{}]", list(rows).join(", ")),
        ValueKind::Tuple(rows) => format!("({})", list(rows).join(", ")),
        ValueKind::Set(rows) => format!("{{{}}}", list(rows).join(", ")),
        ValueKind::Dict(rows) => format!("dict({})", list(rows).join(", ")),
        ValueKind::Comp { element, iter, .. } => format!("[{} for {}]", show(element), show(iter)),
        ValueKind::Func(func) => text(facts, facts.funcs[func].name).to_owned(),
        ValueKind::Binary { op, left, right } => {
            format!("{} {} {}", show(left), op.text(), show(right))
        }
        ValueKind::Not(it) => format!("not {}", show(it)),
        ValueKind::Sign(it) => format!("-{}", show(it)),
        ValueKind::And(rows) => list(rows).join(" and "),
        ValueKind::Or(rows) => list(rows).join(" or "),
        ValueKind::Compare { op, left, right } => {
            format!("{} {} {}", show(left), op.text(), show(right))
        }
        ValueKind::Choice(rows) => format!("choice({})", list(rows).join(", ")),
        ValueKind::Await(it) => format!("await {}", show(it)),
        ValueKind::Yield(it) => format!("yield{}", it.map_or_else(String::new, show)),
        ValueKind::YieldFrom(it) => format!("yield from {}", show(it)),
        ValueKind::Star(it) => format!("*{}", show(it)),
        ValueKind::Walrus { var, value } => {
            format!("({} := {})", var_name(facts, var), show(value))
        }
    }
}

fn call_text(facts: &FileFacts, call: CallId, depth: u32) -> String {
    let call = &facts.calls[call];
    let args: Vec<_> = facts.args[call.args.start as usize..call.args.end as usize]
        .iter()
        .map(|arg| {
            let value = value_at(facts, arg.value, depth + 1);
            match arg.kind {
                ArgKindF::Keyword(name) => format!("{}={value}", text(facts, name)),
                ArgKindF::DoubleStar => format!("**{value}"),
                ArgKindF::Star if !value.starts_with('*') => format!("*{value}"),
                ArgKindF::Star | ArgKindF::Positional => value,
            }
        })
        .collect();
    format!(
        "{}({})",
        value_at(facts, call.callee, depth + 1),
        args.join(", ")
    )
}
