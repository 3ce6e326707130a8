//! Class order, subclasses, attribute tables.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::entity::Entity;
use super::program::{ClassRef, FuncRef, Program, Sym, ValueRef, VarRef};
use crate::facts::model::{DefKind, FuncId, StoreId, StoreKind, Target, ValueId, ValueKind};
use crate::models::{BaseKind, NodeId};

/// What link knows of a class.
#[derive(Debug, Default, Clone)]
pub struct ClassInfo {
    /// The class and its bases of the program, in the order in which attributes are looked up.
    pub mro: SmallVec<[ClassRef; 4]>,
    /// Library classes among its bases, direct and indirect.
    pub libraries: SmallVec<[NodeId; 2]>,
    /// Whether some base is not known at all.
    pub has_unknown_base: bool,
    /// Direct subclasses.
    pub subclasses: Vec<ClassRef>,
    /// Stores `self.name = …` of its own methods, by name.
    pub attrs: FxHashMap<Sym, Vec<StoreRef>>,
    /// Stores `cls.name = …` in class methods, and `Class.name = …` of its own name.
    pub statics: FxHashMap<Sym, Vec<StoreRef>>,
    /// What its bases say of it.
    pub kinds: SmallVec<[BaseKind; 2]>,
    /// Methods of its own body by name, of several the last; sorted.
    methods: Vec<(Sym, FuncId)>,
}

/// What link knows of all classes.
#[derive(Debug, Default)]
pub(super) struct ClassTable(Vec<Vec<ClassInfo>>);

impl ClassTable {
    /// What link knows of a class.
    pub(super) fn get(&self, class: ClassRef) -> Option<&ClassInfo> {
        self.0.get(class.file as usize)?.get(class.id.index())
    }

    fn get_mut(&mut self, class: ClassRef) -> Option<&mut ClassInfo> {
        self.0
            .get_mut(class.file as usize)?
            .get_mut(class.id.index())
    }
}

/// A store of the program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StoreRef {
    /// The file's number.
    pub file: u32,
    /// The store's id.
    pub id: StoreId,
}

/// What a class attribute is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Member {
    /// A method.
    Method(FuncRef),
    /// A class variable.
    Var(ClassRef, VarRef),
    /// An instance attribute, assigned in a method of this class.
    Attr(ClassRef),
}

/// Resolves bases, orders them, and collects attribute tables.
pub(super) fn resolve(program: &mut Program<'_>) {
    let classes: Vec<ClassRef> = program.class_refs().collect();
    let mut direct: FxHashMap<ClassRef, Bases> = FxHashMap::default();
    for &class in &classes {
        direct.insert(class, bases_of(program, class));
    }
    let mut infos = ClassTable(program.files.iter().map(|_| Vec::new()).collect());
    for &class in &classes {
        let mut info = ClassInfo::default();
        linearize(class, &direct, &mut info, 0);
        // A base reached over two ways stands behind all classes that derive from it.
        let mut seen = Vec::new();
        for &it in info.mro.iter().rev() {
            if !seen.contains(&it) {
                seen.push(it);
            }
        }
        info.mro = seen.into_iter().rev().collect();
        for &library in &info.libraries {
            info.kinds.extend_from_slice(program.models.base(library));
        }
        info.methods = methods_of(program, class);
        infos.0[class.file as usize].push(info);
    }
    for &class in &classes {
        for &base in &direct[&class].classes {
            if let Some(info) = infos.get_mut(base) {
                info.subclasses.push(class);
            }
        }
    }
    for (file, it) in program.files.iter().enumerate() {
        let file = file as u32;
        for (id, store) in it.facts.stores.iter_ids() {
            let (Target::Attr(name), ValueKind::Var(var)) =
                (store.target, it.facts.values[store.base].kind)
            else {
                continue;
            };
            let by_name = || {
                it.facts.defs[it.facts.vars[var].defs.range()]
                    .iter()
                    .find_map(|def| match def.kind {
                        DefKind::Class(id) => Some((id, true)),
                        _ => None,
                    })
            };
            let Some((class, is_static)) = it.selfs.get(&var).copied().or_else(by_name) else {
                continue;
            };
            if is_static {
                if store.kind == StoreKind::Assign
                    && let Some(info) = infos.get_mut(ClassRef { file, id: class })
                {
                    info.statics
                        .entry(it.syms[name.0 as usize])
                        .or_default()
                        .push(StoreRef { file, id });
                }
                continue;
            }
            if matches!(
                store.kind,
                StoreKind::Assign | StoreKind::Part | StoreKind::Declare
            ) && let Some(info) = infos.get_mut(ClassRef { file, id: class })
            {
                info.attrs
                    .entry(it.syms[name.0 as usize])
                    .or_default()
                    .push(StoreRef { file, id });
            }
        }
    }
    program.classes = infos;
}

fn methods_of(program: &Program<'_>, class: ClassRef) -> Vec<(Sym, FuncId)> {
    let facts = program.facts(class.file);
    let stripped = program.class_name(class).trim_start_matches('_');
    // `__x` of class `_C` is called as `_C__x`, and by that name.
    let name_of = |id: FuncId| {
        let plain = program.sym_of(class.file, facts.funcs[id].name);
        let text = program.text(plain);
        let is_private = text.starts_with("__") && !text.ends_with("__") && !stripped.is_empty();
        match is_private {
            true => program.sym(&format!("_{stripped}{text}")).unwrap_or(plain),
            false => plain,
        }
    };
    let mut methods: Vec<(Sym, FuncId)> = facts.classes[class.id]
        .methods
        .iter()
        .map(|&id| (name_of(id), id))
        .collect();
    methods.sort_by_key(|it| (it.0, std::cmp::Reverse(it.1)));
    methods.dedup_by_key(|it| it.0);
    methods
}

#[derive(Default)]
struct Bases {
    classes: SmallVec<[ClassRef; 2]>,
    libraries: SmallVec<[NodeId; 2]>,
    is_partial: bool,
}

fn is_abstract_meta(program: &Program<'_>, file: u32, id: ValueId) -> bool {
    program
        .external(ValueRef { file, id })
        .is_some_and(|it| program.api_text(it) == "abc.ABCMeta")
}

fn bases_of(program: &Program<'_>, class: ClassRef) -> Bases {
    let fact = program.class(class);
    let mut bases = Bases::default();
    let metaclass = fact
        .keywords
        .iter()
        .filter(|(name, _)| program.name(class.file, *name) == "metaclass")
        .map(|it| it.1)
        // Abstract methods make no class of classes.
        .filter(|&id| !is_abstract_meta(program, class.file, id));
    for value in program
        .list(class.file, fact.bases)
        .iter()
        .copied()
        .chain(metaclass)
    {
        let mut value = value;
        // `Generic[T]`, `List[int]`: the class that is subscripted.
        while let ValueKind::Item { base, .. } = program.facts(class.file).values[value].kind {
            value = base;
        }
        let found = program.entities(ValueRef {
            file: class.file,
            id: value,
        });
        if found.is_empty() {
            bases.is_partial = true;
        }
        for entity in found {
            match entity {
                Entity::Class(it) if it != class => bases.classes.push(it),
                Entity::External(node) | Entity::ExternalInstance(node) => {
                    bases.libraries.push(node)
                }
                _ => bases.is_partial = true,
            }
        }
    }
    bases
}

fn linearize(
    class: ClassRef,
    direct: &FxHashMap<ClassRef, Bases>,
    info: &mut ClassInfo,
    depth: u32,
) {
    if depth > 32 || info.mro.len() > 256 {
        info.has_unknown_base = true;
        return;
    }
    info.mro.push(class);
    let Some(bases) = direct.get(&class) else {
        return;
    };
    info.has_unknown_base |= bases.is_partial;
    for &library in &bases.libraries {
        if !info.libraries.contains(&library) {
            info.libraries.push(library);
        }
    }
    for &base in &bases.classes {
        linearize(base, direct, info, depth + 1);
    }
}

impl Program<'_> {
    /// Classes in look-up order, the class itself first.
    #[must_use]
    pub fn mro(&self, class: ClassRef) -> &[ClassRef] {
        self.classes.get(class).map_or(&[], |it| it.mro.as_slice())
    }

    /// Whether a class, or a base of it, is of a kind.
    #[must_use]
    pub fn is_kind(&self, class: ClassRef, kind: BaseKind) -> bool {
        self.classes
            .get(class)
            .is_some_and(|it| it.kinds.contains(&kind))
    }

    /// The method of this name that the class's own body defines; of several the last.
    #[must_use]
    pub fn own_method(&self, class: ClassRef, name: Sym) -> Option<FuncRef> {
        let methods = &self.classes.get(class)?.methods;
        let at = methods.binary_search_by_key(&name, |it| it.0).ok()?;
        Some(FuncRef {
            file: class.file,
            id: methods[at].1,
        })
    }

    /// The method of this name, by look-up order.
    #[must_use]
    pub fn method(&self, class: ClassRef, name: Sym) -> Option<FuncRef> {
        self.mro(class)
            .iter()
            .find_map(|&it| self.own_method(it, name))
    }

    /// The method of this name and the ones that override it in subclasses, at most [`crate::limits::OVERRIDES`].
    #[must_use]
    pub fn methods_below(&self, class: ClassRef, name: Sym) -> SmallVec<[FuncRef; 4]> {
        let mut found: SmallVec<[FuncRef; 4]> = self.method(class, name).into_iter().collect();
        let mut queue: Vec<ClassRef> = self
            .classes
            .get(class)
            .map_or_else(Vec::new, |it| it.subclasses.clone());
        let mut seen = 0;
        while let Some(next) = queue.pop() {
            seen += 1;
            if seen > 64 || found.len() >= crate::limits::OVERRIDES {
                break;
            }
            if let Some(func) = self.own_method(next, name)
                && !found.contains(&func)
            {
                found.push(func);
            }
            if let Some(info) = self.classes.get(next) {
                queue.extend_from_slice(&info.subclasses);
            }
        }
        found
    }

    /// What an attribute of an instance of the class is.
    #[must_use]
    pub fn member_of(&self, class: ClassRef, name: Sym) -> Option<Member> {
        let mut from_class = None;
        let mut from_instance = None;
        for &it in self.mro(class) {
            if from_class.is_none() {
                from_class = match self.own_method(it, name) {
                    Some(func) => Some(Member::Method(func)),
                    None => self.files[it.file as usize]
                        .class_vars
                        .get(&(it.id, name))
                        .map(|&id| Member::Var(it, VarRef { file: it.file, id })),
                };
            }
            if let Some(stores) = self.classes.get(it).and_then(|info| info.attrs.get(&name))
                && stores
                    .iter()
                    .any(|store| self.facts(store.file).stores[store.id].kind != StoreKind::Declare)
            {
                // The base-most class that assigns it names the attribute for all its subclasses.
                from_instance = Some(Member::Attr(it));
            }
        }
        match (from_instance, from_class) {
            (Some(attr), _) => Some(attr),
            (None, member) => member,
        }
    }

    /// Stores `self.name = …` in methods of the class and its bases.
    pub fn attr_stores(&self, class: ClassRef, name: Sym) -> impl Iterator<Item = StoreRef> + '_ {
        self.mro(class)
            .iter()
            .filter_map(move |it| self.classes.get(*it)?.attrs.get(&name))
            .flatten()
            .copied()
    }
}
