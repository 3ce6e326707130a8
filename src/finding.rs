//! temporary
use crate::base::{Idx, Span};
pub struct SourceFile;
pub type FileId = Idx<SourceFile>;
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Confidence {
    Low,
    Medium,
    High,
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub file: FileId,
    pub span: Span,
}
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub node: String,
    pub edge: String,
    pub place: Option<Place>,
}
