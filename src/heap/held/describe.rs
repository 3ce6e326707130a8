//! What objects are called, how large they are, where they are made.

use super::{Asker, Key};
use crate::base::Span;
use crate::facts::model::{CallId, ValueKind};
use crate::finding::Growth;
use crate::heap::path::holds_name;
use crate::heap::size::{dict_bytes, list_bytes, set_bytes};
use crate::heap::view::{Node, NodeKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, PlaceKey};
use crate::models::Runs;

impl Asker<'_> {
    /// The node of an object; what depends on other objects is computed later.
    pub(super) fn describe(&self, key: Key) -> Node {
        let program = self.program;
        match key {
            Key::Group(group) => Node::new(
                format!("({})", group.title()),
                NodeKind::Group,
                group.title(),
                "",
            ),
            Key::Module(file) => {
                let it = &program.files[file as usize];
                let mut node = Node::new(
                    format!("module {}", it.module),
                    NodeKind::Root,
                    it.module.clone(),
                    "module globals",
                );
                node.site = Some(program.at(file, Span::new(0, 0)));
                node.size(dict_bytes(it.globals.len() as u64))
            }
            Key::Class(class) => {
                let fact = program.class(class);
                let mut node = Node::new(
                    format!("class {}", self.class_symbol(class)),
                    NodeKind::Root,
                    program.qualified_class(class),
                    "class",
                );
                node.site = Some(program.at(class.file, fact.name_span));
                node.size(1064 + dict_bytes((fact.vars.len() + fact.methods.len()) as u64))
            }
            Key::Func(func) => self.of_func(func, NodeKind::Root, "function", 160),
            Key::Frame(func) => self.of_func(func, NodeKind::Frame, "frame", 450),
            Key::Closure(func) => {
                let free = program.func(func).free.len() as u64;
                self.of_func(func, NodeKind::Object, "closure", 160 + 48 * free)
            }
            Key::Cache(func) => {
                let mut node = self.of_func(func, NodeKind::Container, "cache", 64);
                node.key = format!("{} cache", self.func_symbol(func));
                node
            }
            Key::Registry(api) => {
                let name = program.api_text(api);
                Node::new(format!("registry {name}"), NodeKind::Root, name, "registry").size(64)
            }
            Key::Thread(call) => self.of_thread(call.file, call.id),
            Key::Instance(class) => self.of_instance(class),
            Key::Place(place) => self.of_place(place),
            Key::Inner(place) => {
                let name = program.place_last_name(place);
                let mut node = Node::new(
                    format!("{}[…]", self.place_symbol(place)),
                    NodeKind::Container,
                    format!("{name}[…]"),
                    "container",
                );
                node.site = program
                    .effects(place)
                    .iter()
                    .find(|it| it.is_inner && it.kind.grows())
                    .map(|it| program.at(it.func.file, it.at));
                node.size(88)
            }
            Key::Value(value) => {
                let mut node = self.of_value(value);
                node.key = format!("{}:", program.files[value.file as usize].module);
                node
            }
            Key::Opaque(value) => {
                let text = self.text(value, 3);
                let mut node = Node::new(
                    format!("{}:", program.files[value.file as usize].module),
                    NodeKind::Object,
                    text,
                    "",
                );
                node.site = Some(program.at(value.file, program.value_span(value)));
                match program.size(value).and_then(|it| it.bytes()) {
                    Some(bytes) if bytes > 0 => node.size(bytes),
                    _ => node,
                }
            }
            Key::Told(_) => Node::new(String::new(), NodeKind::Object, "", ""),
        }
    }

    fn of_func(&self, func: FuncRef, kind: NodeKind, type_name: &str, bytes: u64) -> Node {
        let program = self.program;
        let mut node = Node::new(
            format!("{type_name} {}", self.func_symbol(func)),
            kind,
            program.qualified(func),
            type_name,
        );
        node.site = Some(program.at(func.file, program.func(func).name_span));
        node.size(bytes)
    }

    fn of_thread(&self, file: u32, call: CallId) -> Node {
        let program = self.program;
        let facts = program.facts(file);
        let fact = &facts.calls[call];
        let target = facts.args[fact.args.range()]
            .iter()
            .find_map(|it| {
                let func = self.bound_class(ValueRef { file, id: it.value })?;
                Some(program.qualified(func))
            })
            .unwrap_or_else(|| "thread".to_owned());
        let func = FuncRef {
            file,
            id: fact.func,
        };
        let mut node = Node::new(
            format!("thread {target} of {}", self.func_symbol(func)),
            NodeKind::Root,
            target,
            "running thread",
        );
        node.site = Some(program.at(file, fact.at));
        node.size(2100)
    }

    fn of_instance(&self, class: ClassRef) -> Node {
        let program = self.program;
        let fact = program.class(class);
        let name = program.class_name(class);
        let mut node = Node::new(self.class_symbol(class), NodeKind::Object, name, name);
        node.site = Some(program.at(class.file, fact.name_span));
        node.has_finalizer = program
            .sym("__del__")
            .is_some_and(|it| program.method(class, it).is_some());
        let attributes: usize = program
            .mro(class)
            .iter()
            .filter_map(|&it| program.class_info(it))
            .map(|it| it.attrs.len())
            .sum();
        node.size(72 + 8 * attributes.min(30) as u64)
    }

    fn of_place(&self, place: PlaceKey) -> Node {
        let program = self.program;
        let name = program.place_last_name(place);
        let file = program.place_file(place);
        let values = self.bound(place);
        let mut node = values
            .iter()
            .filter(|&&it| {
                !self.is_plain(it) || program.size(it).is_some_and(|it| it.is_large(1024))
            })
            .map(|&it| self.of_value(it))
            .max_by_key(|it| (it.kind != NodeKind::Object, it.self_bytes))
            .unwrap_or_else(|| Node::new("", NodeKind::Object, "", ""));
        node.key = self.place_symbol(place);
        if let PlaceKey::Var(var) = place
            && program.var(var).param.is_some()
        {
            let func = FuncRef {
                file,
                id: program.var(var).func,
            };
            node.key = format!("{} {name}", self.func_symbol(func));
        }
        name.clone_into(&mut node.label);
        node.site = program
            .definition_span(place)
            .map(|it| program.at(file, it))
            .or(node.site);
        if let Some(container) = program.container(place) {
            if let Some(holds) = container.holds
                && node.type_name.is_empty()
            {
                holds_name(holds).clone_into(&mut node.type_name);
            }
            node.kind = match node.kind {
                NodeKind::Object => NodeKind::Container,
                other => other,
            };
        }
        if let Some(growth) = self.growths.get(&place).map(|&it| &self.cx.growths[it]) {
            node.kind = NodeKind::Container;
            if growth.confidence > crate::finding::Confidence::Low {
                node.grows = Some(match growth.run.often {
                    Runs::PerInstance => Growth::PerInstance,
                    _ => Growth::PerCall,
                });
            }
            node.site = node
                .site
                .or_else(|| Some(program.at(growth.site.func.file, growth.site.at)));
        }
        node
    }

    /// The node of what an expression makes.
    fn of_value(&self, value: ValueRef) -> Node {
        let program = self.program;
        let file = value.file;
        let at = |id| ValueRef { file, id };
        let (kind, type_name) = match program.value(value) {
            ValueKind::List(_) => (NodeKind::Container, "list".to_owned()),
            ValueKind::Dict(_) => (NodeKind::Container, "dict".to_owned()),
            ValueKind::Set(_) => (NodeKind::Container, "set".to_owned()),
            ValueKind::Tuple(_) => (NodeKind::Object, "tuple".to_owned()),
            ValueKind::Comp { .. } => (
                NodeKind::Container,
                program.holds(value).map_or("list", holds_name).to_owned(),
            ),
            ValueKind::Attr { .. } => (NodeKind::Object, "bound method".to_owned()),
            ValueKind::Str { .. } | ValueKind::FString(_) => (NodeKind::Object, "str".to_owned()),
            ValueKind::Bytes(_) => (NodeKind::Object, "bytes".to_owned()),
            ValueKind::Call(call) => self.type_of_call(value, call),
            ValueKind::Or(rows) | ValueKind::And(rows) | ValueKind::Choice(rows) => {
                let found = program
                    .list(file, rows)
                    .iter()
                    .map(|&it| self.of_value(at(it)))
                    .find(|it| it.kind != NodeKind::Object);
                found.map_or((NodeKind::Object, String::new()), |it| {
                    (it.kind, it.type_name)
                })
            }
            _ => (
                NodeKind::Object,
                program
                    .holds(value)
                    .map_or(String::new(), |it| holds_name(it).to_owned()),
            ),
        };
        let label = match program.value(value) {
            ValueKind::Tuple(_) | ValueKind::Attr { .. } => self.text(value, 3),
            ValueKind::Call(_) if type_name.is_empty() => self.text(value, 3),
            _ if type_name.is_empty() => "object".to_owned(),
            _ => type_name.clone(),
        };
        let mut node = Node::new(String::new(), kind, label, type_name);
        node.site = Some(program.at(file, program.value_span(value)));
        match self.own_bytes(value) {
            Some(bytes) => node.size(bytes),
            None => node,
        }
    }

    fn type_of_call(&self, value: ValueRef, call: CallId) -> (NodeKind, String) {
        let program = self.program;
        if let Some(result) = self.returned(value.file, call)
            && program
                .func(program.targets(value.file, call)[0].func)
                .is_generator
        {
            let _ = result;
            return (NodeKind::Frame, "generator".to_owned());
        }
        if let Some(target) = program.targets(value.file, call).first()
            && program.func(target.func).is_generator
        {
            return (NodeKind::Frame, "generator".to_owned());
        }
        let holds = program.holds(value);
        for entity in program.entities(value) {
            if let Entity::ExternalInstance(node) = entity {
                let name = program.api_text(node);
                let last = name.rsplit('.').next().unwrap_or(name);
                let is_resource = program
                    .models
                    .resources
                    .get(name)
                    .is_some_and(|it| it.opens.is_some());
                if is_resource {
                    let plain = name.strip_prefix("builtins.").unwrap_or(name);
                    return (NodeKind::Resource, plain.to_owned());
                }
                return match holds {
                    Some(holds) if last.starts_with(char::is_lowercase) => {
                        (NodeKind::Container, holds_name(holds).to_owned())
                    }
                    Some(_) => (NodeKind::Container, last.to_owned()),
                    None => (NodeKind::Object, last.to_owned()),
                };
            }
        }
        match holds {
            Some(holds) => (NodeKind::Container, holds_name(holds).to_owned()),
            None => (NodeKind::Object, String::new()),
        }
    }

    /// Bytes of an object itself, without those that are nodes of their own.
    fn own_bytes(&self, value: ValueRef) -> Option<u64> {
        let program = self.program;
        let file = value.file;
        let shallow = |n: usize, rows: crate::facts::model::Rows, own: u64| {
            let _ = n;
            let inside: u64 = program
                .list(file, rows)
                .iter()
                .take(64)
                .map(|&id| ValueRef { file, id })
                .filter(|&it| self.objects(it, None).is_empty())
                .filter_map(|it| program.size(it)?.bytes())
                .fold(0, u64::saturating_add);
            Some(own.saturating_add(inside))
        };
        match program.value(value) {
            ValueKind::List(rows) => {
                let n = rows.len() as u64;
                let own = if n == 0 { 56 } else { 56 + 8 * n };
                shallow(rows.len(), rows, own)
            }
            ValueKind::Tuple(rows) => shallow(rows.len(), rows, 40 + 8 * rows.len() as u64),
            ValueKind::Set(rows) => shallow(rows.len(), rows, set_bytes(rows.len() as u64)),
            ValueKind::Dict(rows) => shallow(rows.len(), rows, dict_bytes(rows.len() as u64 / 2)),
            ValueKind::Comp { element, iter, .. } => {
                let element = ValueRef { file, id: element };
                if self.objects(element, None).is_empty() {
                    return program.size(value).and_then(|it| it.bytes());
                }
                let count = program.count(ValueRef { file, id: iter }, 6);
                Some(list_bytes(count.unwrap_or(0)))
            }
            ValueKind::Attr { .. } => Some(64),
            _ => program.size(value).and_then(|it| it.bytes()),
        }
    }

    fn class_symbol(&self, class: ClassRef) -> String {
        let module = &self.program.files[class.file as usize].module;
        format!("{module}.{}", self.program.qualified_class(class))
    }

    fn func_symbol(&self, func: FuncRef) -> String {
        let module = &self.program.files[func.file as usize].module;
        format!("{module}.{}", self.program.qualified(func))
    }

    pub(super) fn place_symbol(&self, place: PlaceKey) -> String {
        let file = self.program.place_file(place);
        let module = &self.program.files[file as usize].module;
        format!("{module}.{}", self.program.place_name(place))
    }

    /// The key under which a dict display holds a value.
    pub(super) fn key_label(&self, key: ValueRef) -> String {
        match self.program.value(key) {
            ValueKind::Str {
                text: Some(text), ..
            } => format!("[{:?}]", self.program.name(key.file, text)),
            ValueKind::Int(int) => format!("[{int}]"),
            _ => "value".to_owned(),
        }
    }

    /// A short text of an expression.
    pub(in crate::heap) fn text(&self, value: ValueRef, depth: u32) -> String {
        let program = self.program;
        let file = value.file;
        let Some(depth) = depth.checked_sub(1) else {
            return "…".to_owned();
        };
        let inside = |id| self.text(ValueRef { file, id }, depth);
        match program.value(value) {
            ValueKind::Var(var) => program
                .name(file, program.facts(file).vars[var].name)
                .to_owned(),
            ValueKind::Attr { base, name } => {
                format!("{}.{}", inside(base), program.name(file, name))
            }
            ValueKind::Call(call) => {
                let facts = program.facts(file);
                let callee = facts.calls[call].callee;
                match last_name(facts, callee) {
                    Some(name) => format!("{name}(…)"),
                    None => "call(…)".to_owned(),
                }
            }
            ValueKind::Tuple(rows) => {
                let parts: Vec<String> = program
                    .list(file, rows)
                    .iter()
                    .take(3)
                    .map(|&it| inside(it))
                    .collect();
                let more = if rows.len() > 3 { ", …" } else { "" };
                format!("({}{more})", parts.join(", "))
            }
            ValueKind::Item { base, .. } | ValueKind::Slice { base } => {
                format!("{}[…]", inside(base))
            }
            ValueKind::Str { .. } => "str".to_owned(),
            ValueKind::FString(_) => "f\"…\"".to_owned(),
            ValueKind::List(_) => "list".to_owned(),
            ValueKind::Dict(_) => "dict".to_owned(),
            ValueKind::Set(_) => "set".to_owned(),
            ValueKind::Await(it) => inside(it),
            ValueKind::Int(it) => it.to_string(),
            ValueKind::Func(_) => "function".to_owned(),
            _ => "object".to_owned(),
        }
    }
}
