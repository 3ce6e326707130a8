//! Jupyter notebooks: the code of all cells as one text.
//!
//! Reads formats 3 and 4. Outputs are passed over, cells of other languages are left out. Lines that are IPython's and not
//! Python's stay in the text; lowering blanks them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::Cells;

/// A notebook's code.
#[derive(Clone, Debug)]
pub struct Notebook {
    /// The code of its cells, each ending in a line end.
    pub text: String,
    /// Where it stands.
    pub cells: Cells,
}

/// Why a notebook has no code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotebookError {
    /// It is not the JSON of a notebook.
    #[error("not a notebook: {message}")]
    Malformed {
        /// What is wrong.
        message: String,
        /// Line in the file, from 1.
        line: u32,
        /// Column in code points, from 1.
        column: u32,
    },
    /// Its code is not Python.
    #[error("not a Python notebook: its language is {0}")]
    Language(String),
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    cells: Option<Vec<CellItem<'a>>>,
    #[serde(borrow, default)]
    worksheets: Option<Vec<Worksheet<'a>>>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Worksheet<'a> {
    #[serde(borrow, default)]
    cells: Vec<CellItem<'a>>,
}

#[derive(Deserialize)]
struct CellItem<'a> {
    #[serde(default)]
    cell_type: Option<String>,
    #[serde(borrow, default)]
    source: Option<&'a RawValue>,
    /// Format 3's name of it.
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(default)]
    language: Option<String>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    kernelspec: Option<Language>,
    #[serde(default)]
    language_info: Option<Language>,
}

#[derive(Deserialize)]
struct Language {
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct CellMetadata {
    #[serde(default)]
    vscode: Option<Vscode>,
}

#[derive(Deserialize)]
struct Vscode {
    #[serde(rename = "languageId", default)]
    language: Option<String>,
}

/// Reads a notebook from the text of its file.
///
/// # Errors
/// When the text is not a notebook's JSON, or its code is not Python.
pub fn read(disk: String) -> Result<Notebook, NotebookError> {
    let found = code_strings(&disk)?;
    let mut cells = Cells::new(disk);
    let mut text = String::new();
    for (number, strings) in found {
        cells.begin(number, &text);
        for at in strings {
            cells.add(&mut text, at);
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(Notebook { text, cells })
}

/// Of each cell with Python code, its number and where the characters of its strings start.
fn code_strings(disk: &str) -> Result<Vec<(u32, Vec<u32>)>, NotebookError> {
    let document: Document<'_> = serde_json::from_str(disk).map_err(|it| malformed(&it))?;
    if let Some(language) = foreign_language(document.metadata) {
        return Err(NotebookError::Language(language));
    }
    let sheets = document.worksheets.into_iter().flatten();
    let items = sheets.flat_map(|it| it.cells);
    let items = document.cells.into_iter().flatten().chain(items);
    let mut found = Vec::new();
    for (number, item) in (1..).zip(items) {
        let Some(source) = item.source.or(item.input).filter(|_| item.is_python()) else {
            continue;
        };
        let pieces: Vec<&RawValue> = match source.get().starts_with('[') {
            true => serde_json::from_str(source.get()).map_err(|it| malformed(&it))?,
            false => vec![source],
        };
        let strings: Vec<u32> = pieces
            .iter()
            .map(|it| it.get())
            .filter(|it| it.starts_with('"') && it.len() > 2)
            .map(|it| (it.as_ptr() as usize - disk.as_ptr() as usize + 1) as u32)
            .collect();
        if !strings.is_empty() {
            found.push((number, strings));
        }
    }
    Ok(found)
}

fn malformed(error: &serde_json::Error) -> NotebookError {
    let message = error.to_string();
    // The place is said apart.
    let message = message.split(" at line ").next().unwrap_or("").to_owned();
    NotebookError::Malformed {
        message,
        line: u32::try_from(error.line()).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(error.column()).unwrap_or(u32::MAX).max(1),
    }
}

/// The notebook's language when it says one that is not Python.
fn foreign_language(metadata: Option<&RawValue>) -> Option<String> {
    let metadata: Metadata = serde_json::from_str(metadata?.get()).unwrap_or_default();
    let of_kernel = metadata.kernelspec.and_then(|it| it.language);
    let language = of_kernel.or(metadata.language_info.and_then(|it| it.name))?;
    (!is_python(&language)).then_some(language)
}

fn is_python(language: &str) -> bool {
    let language = language.to_ascii_lowercase();
    language.is_empty() || language.contains("python") || language == "sage"
}

impl CellItem<'_> {
    fn is_python(&self) -> bool {
        let of_editor = self
            .metadata
            .and_then(|it| serde_json::from_str::<CellMetadata>(it.get()).ok())
            .and_then(|it| it.vscode)
            .and_then(|it| it.language);
        self.cell_type.as_deref() == Some("code")
            && self.language.as_deref().is_none_or(is_python)
            && of_editor.as_deref().is_none_or(is_python)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CellSpot, LineCol, LineIndex};

    #[test]
    fn code_of_all_cells_is_one_text() {
        let disk = r##"{
 "cells": [
  {"cell_type": "markdown", "source": ["# title\n"]},
  {"cell_type": "code", "outputs": [{"data": {"image/png": "AAAA"}}], "source": ["import os\n", "x = 1"]},
  {"cell_type": "code", "source": []},
  {"cell_type": "code", "metadata": {"vscode": {"languageId": "sql"}}, "source": "select 1"},
  {"cell_type": "code", "source": "y = \"ü\"\n"}
 ],
 "metadata": {"kernelspec": {"name": "conda-env", "language": "python"}},
 "nbformat": 4, "nbformat_minor": 5
}"##;
        let notebook = read(disk.to_owned()).expect("a notebook");
        assert_eq!(notebook.text, "import os\nx = 1\ny = \"ü\"\n");
        let lines = LineIndex::new(&notebook.text);
        let at = notebook.text.find("\"ü").expect("present") as u32;
        let spot = notebook.cells.spot(&notebook.text, &lines, at);
        let at = LineCol { line: 1, column: 5 };
        assert_eq!(spot, Some(CellSpot { cell: 5, at }));
    }

    #[test]
    fn format_3_has_worksheets() {
        let disk = r#"{"worksheets": [{"cells": [{"cell_type": "code", "language": "python", "input": ["a\n", "b"]}]}]}"#;
        assert_eq!(read(disk.to_owned()).expect("a notebook").text, "a\nb\n");
    }

    #[test]
    fn what_is_no_python_notebook_is_said() {
        let message = |disk: &str| read(disk.to_owned()).expect_err("refused").to_string();
        assert_eq!(
            message(r#"{"cells": [], "metadata": {"language_info": {"name": "julia"}}}"#),
            "not a Python notebook: its language is julia"
        );
        assert_eq!(message(""), "not a notebook: EOF while parsing a value");
        assert!(message("{\"cells\": 1}").starts_with("not a notebook: invalid type"));
        assert!(message(&"[".repeat(100_000)).starts_with("not a notebook"));
    }
}
