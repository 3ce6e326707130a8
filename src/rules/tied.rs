//! What the rules about reference cycles say alike: the ring, edge by edge.

use crate::facts::model::Home;
use crate::finding::{Finding, Role, Step};
use crate::heap::cycle::Cycle;
use crate::heap::reach::Object;
use crate::link::Program;

/// Adds the edges of a cycle as labels, and as the path.
pub(super) fn ring(program: &Program<'_>, mut finding: Finding, cycle: &Cycle) -> Finding {
    let file = cycle.func.file;
    let facts = program.facts(file);
    let name = |object: Object| match program.class_of_object(file, object) {
        Some(class) => program.class_name(class).to_owned(),
        None => match object {
            Object::Var(var) if facts.vars[var].home != Home::Module => {
                program.name(file, facts.vars[var].name).to_owned()
            }
            _ => "object".to_owned(),
        },
    };
    if let Some(first) = cycle.edges.first() {
        finding = finding.path([Step {
            node: name(first.from),
            edge: String::new(),
            place: None,
        }]);
    }
    for edge in &cycle.edges {
        let place = program.at(edge.file, edge.at);
        let by = edge.by.text(program);
        finding = finding
            .label(
                place,
                Role::Link,
                format!("`{}{by}` holds `{}`", name(edge.from), name(edge.to)),
            )
            .path([Step {
                node: name(edge.to),
                edge: by,
                place: Some(place),
            }]);
    }
    finding
}
