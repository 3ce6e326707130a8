//! A notebook's cells to one tree: what is IPython's is blanked first, byte by byte, so that places stay.
//!
//! `%magic`, `!command`, `name?` and lines of automatic magics become a constant, a cell in another language becomes
//! blanks. A cell that cannot be read leaves the others alone.

use std::panic::catch_unwind;

use super::{Door, Lowered, SyntaxError, lower, ruff, rustpython};
use crate::base::Span;
use crate::syntax::tree::{ExprId, Module, Stmt, StmtKind};

/// Magics of a whole cell that run it as Python among the other cells.
const CELL_MAGICS: &[&str] = &[
    "capture",
    "debug",
    "ipytest",
    "memit",
    "mprun",
    "lprun",
    "prun",
    "pyinstrument",
    "scalene",
    "snakeviz",
    "time",
    "timeit",
    "wandb",
];

/// Magics that IPython takes without their sign; a line that is Python stays.
const LINE_MAGICS: &[&str] = &[
    "alias",
    "autoawait",
    "autocall",
    "automagic",
    "autoreload",
    "bookmark",
    "cat",
    "cd",
    "clear",
    "code_wrap",
    "colors",
    "conda",
    "config",
    "cp",
    "debug",
    "dhist",
    "dirs",
    "doctest_mode",
    "ed",
    "edit",
    "env",
    "gui",
    "hist",
    "history",
    "killbgscripts",
    "ldir",
    "less",
    "lf",
    "lk",
    "ll",
    "load",
    "load_ext",
    "loadpy",
    "logoff",
    "logon",
    "logstart",
    "logstate",
    "logstop",
    "ls",
    "lsmagic",
    "lx",
    "macro",
    "magic",
    "mamba",
    "man",
    "matplotlib",
    "micromamba",
    "mkdir",
    "more",
    "mv",
    "notebook",
    "page",
    "pastebin",
    "pdb",
    "pdef",
    "pdoc",
    "pfile",
    "pinfo",
    "pinfo2",
    "pip",
    "popd",
    "pprint",
    "precision",
    "prun",
    "psearch",
    "psource",
    "pushd",
    "pwd",
    "pycat",
    "pylab",
    "quickref",
    "recall",
    "rehashx",
    "reload_ext",
    "rep",
    "rerun",
    "reset",
    "reset_selective",
    "rm",
    "rmdir",
    "run",
    "save",
    "sc",
    "set_env",
    "store",
    "sx",
    "system",
    "tb",
    "time",
    "timeit",
    "unalias",
    "unload_ext",
    "uv",
    "who",
    "who_ls",
    "whos",
    "xdel",
    "xmode",
];

/// Reads the cells of a notebook, whose code is `text`. Names in the tree are resolved.
#[must_use]
pub fn lower_cells(text: &str, cells: impl Iterator<Item = Span>, door: Door) -> Lowered {
    let mut code = text.as_bytes().to_vec();
    let mut errors = Vec::new();
    let cells: Vec<Span> = cells.collect();
    for &cell in &cells {
        let range = cell.start as usize..cell.end as usize;
        let Some(source) = text.get(range.clone()) else {
            continue;
        };
        let read = match door {
            Door::Auto => {
                catch_unwind(|| by_ruff(source)).unwrap_or_else(|_| by_rustpython(source))
            }
            Door::Ruff => by_ruff(source),
            Door::Rustpython => by_rustpython(source),
        };
        code[range].copy_from_slice(&read.code);
        // The end of a cell is a place in it, not the start of the next.
        let last = cell.end.saturating_sub(1).max(cell.start);
        let place = |at: u32| (cell.start + at).min(last);
        errors.extend(read.errors.into_iter().map(|it| SyntaxError {
            span: Span::new(place(it.span.start), place(it.span.end)),
            message: it.message,
        }));
    }
    // Only whole characters were blanked.
    let code = String::from_utf8(code).unwrap_or_default();
    let mut lowered = lower(&code, door);
    lowered.errors.extend(errors);
    lowered.errors.sort_by_key(|it| it.span);
    lowered.module.outputs = outputs(&code, &cells, &lowered.module);
    lowered
}

/// The expressions that cells end with, unless a semicolon after one keeps it from being shown.
fn outputs(code: &str, cells: &[Span], tree: &Module) -> Vec<ExprId> {
    let Some(body) = tree.funcs.iter().next().map(|it| &tree[it.body]) else {
        return Vec::new();
    };
    let mut last_of = vec![None; cells.len()];
    for &stmt in body {
        let start = tree.stmts[stmt].span.start;
        let cell = cells.partition_point(|it| it.end <= start);
        if let Some(last) = last_of.get_mut(cell) {
            *last = Some(tree.stmts[stmt]);
        }
    }
    let is_shown = |stmt: &Stmt, cell: &Span| {
        let rest = code.get(stmt.span.end as usize..cell.end as usize);
        rest.is_some_and(|it| {
            !it.lines()
                .any(|it| it.split('#').next().is_some_and(|it| it.contains(';')))
        })
    };
    last_of
        .iter()
        .zip(cells)
        .filter_map(|(stmt, cell)| match stmt {
            Some(stmt) if is_shown(stmt, cell) => match stmt.kind {
                StmtKind::Expr(value) => Some(value),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// A cell as Python of the same length, and why it is blank if it had to be.
struct Cell {
    code: Vec<u8>,
    errors: Vec<SyntaxError>,
}

/// A cell whose errors, if any, end with it.
fn by_ruff(source: &str) -> Cell {
    let code = python(source);
    match ruff::errors_that_spread(&code) {
        None => Cell::good(code),
        Some(errors) => Cell::blank(source, errors),
    }
}

/// A cell without errors: this parser stops at the first one.
fn by_rustpython(source: &str) -> Cell {
    let code = python(source);
    let errors = rustpython::lower(&code).errors;
    if errors.is_empty() {
        Cell::good(code)
    } else {
        Cell::blank(source, errors)
    }
}

impl Cell {
    fn good(code: String) -> Self {
        Self {
            code: code.into_bytes(),
            errors: Vec::new(),
        }
    }

    fn blank(source: &str, errors: Vec<SyntaxError>) -> Self {
        let mut code = source.as_bytes().to_vec();
        blank(&mut code, b"");
        Self { code, errors }
    }
}

/// The cell without what is IPython's.
fn python(source: &str) -> String {
    let mut code = source.as_bytes().to_vec();
    let first = source.len() - source.trim_start().len();
    if let Some(magic) = source[first..].strip_prefix("%%") {
        let name = magic.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let name = name.into_iter().next().unwrap_or("");
        let end = match CELL_MAGICS.contains(&name) {
            true => line_end(source, first),
            false => source.len(),
        };
        blank(&mut code[first..end], b"");
    }
    let mut code = text_of(code);
    if let Ok(escapes) = catch_unwind(|| ruff::escapes(&code)) {
        for (span, is_value) in escapes {
            blank_in(&mut code, span, is_value);
        }
    }
    if catch_unwind(|| ruff::has_errors(&code)).unwrap_or(false) {
        automatic_magics(&mut code);
    }
    code
}

/// Blanks the lines that are a magic's name and its arguments, and no Python.
fn automatic_magics(code: &mut String) {
    let mut start = 0;
    while start < code.len() {
        let end = line_end(code, start);
        let line = &code[start..end];
        let trimmed = line.trim();
        let word = trimmed.split([' ', '\t']).next().unwrap_or("");
        if LINE_MAGICS.binary_search(&word).is_ok() && ruff::has_errors(trimmed) {
            let from = start + line.len() - line.trim_start().len();
            blank_in(code, Span::new(from as u32, end as u32), false);
        }
        start = end + 1;
    }
}

/// Makes a range of the code a constant: what a magic does is not followed.
fn blank_in(code: &mut String, span: Span, is_value: bool) {
    // The constant's place is one in the notebook too, so it cuts no character there.
    let has_room = code.is_char_boundary(span.start as usize + 3) && span.end - span.start >= 3;
    let mut bytes = std::mem::take(code).into_bytes();
    if let Some(range) = bytes.get_mut(span.start as usize..span.end as usize) {
        let constant: &[u8] = if is_value && has_room { b"..." } else { b"0" };
        blank(range, constant);
    }
    *code = text_of(bytes);
}

/// Blanks, with `constant` before the blanks when there is room; line ends stay.
fn blank(bytes: &mut [u8], constant: &[u8]) {
    for byte in &mut *bytes {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    if let Some(start) = bytes.get_mut(..constant.len()) {
        start.copy_from_slice(constant);
    }
}

fn text_of(bytes: Vec<u8>) -> String {
    // Spans of tokens and lines never cut a character.
    String::from_utf8(bytes)
        .unwrap_or_else(|it| String::from_utf8_lossy(it.as_bytes()).into_owned())
}

/// Where the line that holds `from` ends.
fn line_end(text: &str, from: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &text.as_bytes()[from..]).map_or(text.len(), |it| from + it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(source: &str) -> String {
        let code = python(source);
        assert_eq!(code.len(), source.len(), "{source:?}");
        code
    }

    #[test]
    fn names_are_in_order_for_the_binary_search() {
        assert!(LINE_MAGICS.is_sorted());
    }

    #[test]
    fn escapes_become_constants() {
        assert_eq!(
            blanked("%matplotlib inline\nx = 1\n"),
            format!("0{}\nx = 1\n", " ".repeat(17))
        );
        assert_eq!(blanked("if x:\n    !ls é\n"), "if x:\n    0     \n");
        assert_eq!(blanked("files = !ls\n"), "files = ...\n");
        assert_eq!(blanked("files = !aé\n"), "files = 0   \n");
        assert_eq!(blanked("x.y?\n??z\n"), "0   \n0  \n");
        assert_eq!(blanked("!a \\\n  b\ny\n"), "0   \n   \ny\n");
        let text = "s = '''\n%d\n!x\n''' % (a\n% b)\n";
        assert_eq!(blanked(text), text);
    }

    #[test]
    fn cells_of_other_languages_are_blank() {
        assert_eq!(blanked("%%bash\nls | wc\n"), "      \n       \n");
        assert_eq!(blanked("\n%%time\nx = 1\n"), "\n      \nx = 1\n");
    }

    #[test]
    fn automatic_magics_leave_the_rest() {
        assert_eq!(blanked("pip install x\ny = 1\n"), "0            \ny = 1\n");
        assert_eq!(blanked("ls -la\nload(x)\n"), "ls -la\nload(x)\n");
    }
}
