//! What the settings teach of names that the program itself defines: there, the lesson stands beside what the code shows.

use super::entity::{Entities, Entity};
use super::modules::Imported;
use super::program::Program;

/// Finds the functions and classes of the program that lessons are about.
pub(super) fn resolve(program: &mut Program<'_>) {
    if program.files.is_empty() {
        return;
    }
    let models = program.models;
    for &node in models.taught_names() {
        let dotted = models.names.text(node);
        for entity in program.named(dotted) {
            match entity {
                Entity::Func(func) => {
                    program
                        .taught
                        .insert(Entity::Func(func), Entity::External(node));
                    program
                        .taught
                        .insert(Entity::Bound(func), Entity::External(node));
                }
                Entity::Class(class) => {
                    program.taught.insert(entity, Entity::External(node));
                    program
                        .taught
                        .insert(Entity::Instance(class), Entity::ExternalInstance(node));
                }
                _ => {}
            }
        }
    }
}

impl Program<'_> {
    /// What a full dotted name of the program stands for.
    fn named(&self, dotted: &str) -> Entities {
        let parts: Vec<&str> = dotted.split('.').collect();
        for split in (1..parts.len()).rev() {
            let module = self.program_module(0, parts[..split].iter().copied());
            if !matches!(module, Imported::Module(_)) {
                continue;
            }
            let Some(name) = self.sym(parts[split]) else {
                return Entities::new();
            };
            let mut found = match self.member(0, module, name, 0) {
                Imported::Var(var) => self.var_entities(var),
                _ => return Entities::new(),
            };
            for part in &parts[split + 1..] {
                let Some(name) = self.sym(part) else {
                    return Entities::new();
                };
                found = found
                    .iter()
                    .filter_map(|it| match *it {
                        Entity::Class(class) => self.method(class, name),
                        _ => None,
                    })
                    .map(Entity::Func)
                    .collect();
            }
            return found;
        }
        Entities::new()
    }

    /// Puts what was taught of entities before them.
    pub(super) fn with_taught(&self, entities: Entities) -> Entities {
        if self.taught.is_empty() {
            return entities;
        }
        let taught = entities.iter().filter_map(|it| self.taught.get(it));
        let mut all: Entities = taught.copied().collect();
        all.extend(entities);
        all
    }
}
