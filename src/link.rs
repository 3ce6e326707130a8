//! All files' facts to one program: what names mean, which classes there are, who calls whom, what happens to containers.
//!
//! The stages, each one function of [`link`]: symbols and modules ([`modules`]), classes ([`classes`]), calls ([`calls`]),
//! effects on containers and through parameters ([`effects`]), how often code runs ([`runs`]), how long owners live
//! ([`lifetime`]). What a value stands for is answered on demand by [`entity`], where it is kept by [`place`].
//!
//! Trust is asymmetric: what is guessed (a receiver of unknown type with an attribute of the right name) may only take a
//! finding away.

pub mod calls;
pub mod classes;
pub mod effects;
pub mod entity;
pub mod lifetime;
pub mod modules;
pub mod place;
pub mod program;
pub mod runs;
mod standins;
mod taught;

pub use entity::{Entities, Entity};
pub use place::PlaceKey;
pub use program::{CallRef, ClassRef, FileInput, FuncRef, Program, Sym, VarRef};

use crate::models::Models;

/// Links the facts of all files.
#[must_use]
pub fn link(inputs: Vec<FileInput>, models: &Models) -> Program<'_> {
    let mut program = Program::new(inputs, models);
    modules::resolve(&mut program);
    classes::resolve(&mut program);
    taught::resolve(&mut program);
    calls::resolve(&mut program);
    runs::resolve(&mut program);
    effects::resolve(&mut program);
    lifetime::resolve(&mut program);
    program
}
