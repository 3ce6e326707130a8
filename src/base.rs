//! Where things are, and small ids: spans, lines, typed indices, interned names.
//!
//! Knows nothing of Python. Everything here is plain data that other modules share.

mod bytes;
mod cells;
mod index;
mod lines;
mod names;
mod sources;
mod span;

pub use bytes::human;
pub use cells::{CellSpot, Cells};
pub use index::{Idx, IndexVec, take_exact};
pub use lines::{LineCol, LineIndex};
pub use names::{Name, Names, Texts};
pub use sources::{FileId, SourceFile, SourceMap};
pub use span::Span;
