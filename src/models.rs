//! What the names of Python APIs mean: the tables of `rules/models/`, typed.
//!
//! All knowledge of libraries is data. A table names an API by its full dotted name, as a program reaches it through its
//! imports (`builtins.open` for what needs no import); link resolves names, and the analysis asks what they mean here.

mod names;
pub mod registries;
pub mod resources;
mod tables;
mod taught;

pub use names::{NameTree, NodeId};
pub use registries::{ApiRole, Lives, Registries, Registry};
pub use resources::Resources;
pub use tables::{
    BaseKind, Bound, CacheModel, FunctionModel, Holds, MethodModel, ModelError, Models, Mutation,
    Runs,
};
pub use taught::Lesson;
