//! Modules by dotted name, and what an import leads to.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::program::{File, Program, Sym, VarRef};
use crate::facts::model::{ImportF, ImportId};
use crate::limits;
use crate::models::{NameTree, NodeId};

/// A dotted module name of the program; 0 is the empty name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ModuleNode(pub u32);

/// Dotted module names of the program, as a tree. Several files may share a name (`conftest`, `utils` of two roots).
#[derive(Debug, Default)]
pub struct ModuleTree {
    children: FxHashMap<(ModuleNode, Sym), ModuleNode>,
    files: Vec<SmallVec<[u32; 1]>>,
    /// The node of each file.
    nodes: Vec<ModuleNode>,
    /// What each import of each file leads to.
    imports: Vec<Vec<Imported>>,
    /// The modules that each file takes all names from.
    stars: Vec<SmallVec<[Imported; 1]>>,
}

/// What an import leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imported {
    /// A file of the program.
    Module(u32),
    /// A package of the program that has no file.
    Namespace(ModuleNode),
    /// A name that a file of the program binds.
    Var(VarRef),
    /// A name of a library that the models mention.
    External(NodeId),
    /// Nothing that is known.
    Unknown,
}

impl ModuleTree {
    const ROOT: ModuleNode = ModuleNode(0);

    fn add(&mut self, path: &[Sym]) -> ModuleNode {
        let mut at = Self::ROOT;
        for &part in path {
            let next = ModuleNode(self.files.len() as u32);
            at = *self.children.entry((at, part)).or_insert(next);
            if at == next {
                self.files.push(SmallVec::new());
            }
        }
        at
    }

    pub(super) fn child(&self, of: ModuleNode, part: Sym) -> Option<ModuleNode> {
        self.children.get(&(of, part)).copied()
    }

    pub(super) fn node(&self, file: u32) -> ModuleNode {
        self.nodes[file as usize]
    }
}

/// Builds the tree of modules.
pub(super) fn resolve(program: &mut Program<'_>) {
    let mut tree = ModuleTree {
        files: vec![SmallVec::new()],
        ..ModuleTree::default()
    };
    let foreign = foreign_stubs(program);
    for file in 0..program.files.len() {
        let names = [
            Some(program.files[file].module.clone()),
            program.files[file].long_module.clone(),
        ];
        let mut own = None;
        for name in names.into_iter().flatten() {
            if foreign.contains(&(file as u32)) {
                continue;
            }
            let path: Vec<Sym> = name.split('.').map(|it| program.intern(it)).collect();
            let node = tree.add(&path);
            if !program.files[file].is_apart {
                tree.files[node.0 as usize].push(file as u32);
            }
            own.get_or_insert(node);
        }
        tree.nodes.push(own.unwrap_or(ModuleTree::ROOT));
    }
    program.modules = tree;
    let this = &*program;
    program.modules.stars = (0..this.files.len() as u32)
        .into_par_iter()
        .map(|file| this.star_imports(file))
        .collect();
    let this = &*program;
    program.modules.imports = (0..this.files.len() as u32)
        .into_par_iter()
        .map(|file| {
            let imports = this.facts(file).imports.iter();
            imports.map(|it| this.resolve_import(file, it)).collect()
        })
        .collect();
}

/// Stubs of libraries that the models know and that are not in the program: the models say more.
fn foreign_stubs(program: &Program<'_>) -> FxHashSet<u32> {
    let first = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
    let names = |file: &File| {
        let long = file.long_module.as_deref().map(first);
        [Some(first(&file.module)), long].into_iter().flatten()
    };
    let (stubs, others): (Vec<_>, Vec<_>) = (0..)
        .zip(&program.files)
        .partition(|(_, file)| file.is_stub);
    if stubs.is_empty() {
        return FxHashSet::default();
    }
    let own: FxHashSet<String> = others.iter().flat_map(|it| names(it.1)).collect();
    let is_known = |name: &String| {
        let sym = program.sym(name);
        sym.is_some_and(|it| program.api.contains_key(&(NameTree::ROOT, it)))
    };
    let foreign = stubs.into_iter().filter(|(_, file)| {
        names(file).any(|it| is_known(&it)) && !names(file).any(|it| own.contains(&it))
    });
    foreign.map(|it| it.0).collect()
}

impl Program<'_> {
    /// The file of a module name, as seen from a file: of the same root first, then the one that shares most of its path.
    #[must_use]
    pub fn file_of(&self, node: ModuleNode, from: u32) -> Option<u32> {
        let candidates = &self.modules.files[node.0 as usize];
        if candidates.len() <= 1 {
            return candidates.first().copied();
        }
        let here = &self.files[from as usize];
        let shared = |file: u32| {
            let there = &self.files[file as usize];
            let same = here
                .path
                .bytes()
                .zip(there.path.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            (there.root == here.root, same, std::cmp::Reverse(file))
        };
        candidates.iter().copied().max_by_key(|&it| shared(it))
    }

    /// What a module name leads to from a file.
    fn module(&self, node: ModuleNode, from: u32) -> Imported {
        self.file_of(node, from)
            .map_or(Imported::Namespace(node), Imported::Module)
    }

    /// What the variable of an import is bound to.
    #[must_use]
    pub fn imported(&self, file: u32, import: ImportId) -> Imported {
        self.modules.imports[file as usize][import.index()]
    }

    /// The modules of a file's star imports, itself left out.
    fn star_imports(&self, file: u32) -> SmallVec<[Imported; 1]> {
        let stars = self.facts(file).imports.iter();
        stars
            .filter(|it| it.var.is_none())
            .map(|it| {
                let module = ImportF {
                    item: None,
                    binds_last: true,
                    ..*it
                };
                self.resolve_import(file, &module)
            })
            .filter(|it| !matches!(it, Imported::Unknown) && *it != Imported::Module(file))
            .collect()
    }

    fn resolve_import(&self, file: u32, import: &ImportF) -> Imported {
        let here = &self.files[file as usize];
        let dotted = import.module.map_or("", |it| self.name(file, it));
        if import.level == 0 && import.item.is_none() && !import.binds_last {
            let first = dotted.split('.').next().unwrap_or(dotted);
            return self.absolute(file, std::iter::once(first));
        }
        let base = if import.level == 0 {
            self.absolute(file, dotted.split('.'))
        } else {
            let up = import.level as usize - usize::from(here.is_package);
            let own: Vec<&str> = here.module.split('.').collect();
            if up > own.len() {
                return Imported::Unknown;
            }
            let parts = own[..own.len() - up]
                .iter()
                .copied()
                .chain(dotted.split('.').filter(|it| !it.is_empty()));
            self.program_module(file, parts)
        };
        match import.item {
            None => base,
            Some(item) => {
                let name = self.sym_of(file, item);
                // `from . import part` in a package's own file binds the submodule under the very name that is looked up.
                if base == Imported::Module(file)
                    && let Some(node) = self.modules.child(self.modules.node(file), name)
                {
                    return self.module(node, file);
                }
                self.member(file, base, name, 0)
            }
        }
    }

    fn absolute<'a>(&self, file: u32, parts: impl Iterator<Item = &'a str> + Clone) -> Imported {
        match self.program_module(file, parts.clone()) {
            Imported::Unknown => {
                let mut at = NameTree::ROOT;
                for part in parts {
                    let Some(next) = self.sym(part).and_then(|it| self.api.get(&(at, it))) else {
                        return Imported::Unknown;
                    };
                    at = *next;
                }
                Imported::External(at)
            }
            found => found,
        }
    }

    pub(super) fn program_module<'a>(
        &self,
        file: u32,
        parts: impl Iterator<Item = &'a str>,
    ) -> Imported {
        let mut at = ModuleTree::ROOT;
        for part in parts {
            let Some(next) = self.sym(part).and_then(|it| self.modules.child(at, it)) else {
                return Imported::Unknown;
            };
            at = next;
        }
        self.module(at, file)
    }

    /// A member of a module: a name it binds, a submodule, or a name it takes from a star import.
    #[must_use]
    pub fn member(&self, from: u32, of: Imported, name: Sym, hops: u32) -> Imported {
        match of {
            Imported::Module(file) => {
                if let Some(var) = self.global(file, name) {
                    return Imported::Var(var);
                }
                match self.modules.child(self.modules.node(file), name) {
                    Some(node) => self.module(node, from),
                    None => self.starred(file, name, hops),
                }
            }
            Imported::Namespace(node) => self
                .modules
                .child(node, name)
                .map_or(Imported::Unknown, |it| self.module(it, from)),
            Imported::External(node) => self
                .api
                .get(&(node, name))
                .map_or(Imported::Unknown, |&it| Imported::External(it)),
            Imported::Var(_) | Imported::Unknown => Imported::Unknown,
        }
    }

    /// A name that a file binds at module level.
    fn global(&self, file: u32, name: Sym) -> Option<VarRef> {
        self.files[file as usize]
            .globals
            .get(&name)
            .map(|&id| VarRef { file, id })
    }

    /// A name that a file takes from its star imports.
    #[must_use]
    pub fn starred(&self, file: u32, name: Sym, hops: u32) -> Imported {
        if hops >= limits::REEXPORT_HOPS {
            return Imported::Unknown;
        }
        for &base in &self.modules.stars[file as usize] {
            let found = self.member(file, base, name, hops + 1);
            if found != Imported::Unknown {
                return found;
            }
        }
        Imported::Unknown
    }
}
