//! Interpreters and their versions.

use std::fmt;
use std::str::FromStr;

/// Which Python.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Interpreter {
    /// The reference one: objects are released when their last reference goes.
    CPython,
    /// Objects are released when the garbage collector comes by.
    PyPy,
}

/// The interpreter that a program runs on; always some Python 3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TargetVersion {
    /// Which Python.
    pub interpreter: Interpreter,
    /// The second part of its version.
    pub minor: u8,
}

impl Default for TargetVersion {
    fn default() -> Self {
        Self::cpython(11)
    }
}

impl TargetVersion {
    /// CPython 3.`minor`.
    #[must_use]
    pub const fn cpython(minor: u8) -> Self {
        Self {
            interpreter: Interpreter::CPython,
            minor,
        }
    }

    /// Whether annotations are evaluated when somebody asks for them, and not where they stand (PEP 649).
    #[must_use]
    pub const fn defers_annotations(self) -> bool {
        self.minor >= 14
    }

    /// The lowest version that a `requires-python` such as `>=3.8,<4` or `^3.9` allows; `None` when it names no lower bound with a minor.
    #[must_use]
    pub fn lowest_of(requires: &str) -> Option<Self> {
        let lowest = requires.split(',').filter_map(|clause| {
            let clause = clause.trim();
            let version = ["===", "==", "~=", ">=", "^", "~", ">"]
                .iter()
                .find_map(|operator| clause.strip_prefix(operator))
                .or_else(|| {
                    clause
                        .starts_with(|c: char| c.is_ascii_digit())
                        .then_some(clause)
                })?;
            let mut parts = version.trim().split('.');
            let major: u8 = parts.next()?.trim().parse().ok()?;
            let minor = parts.next()?.trim();
            let minor = minor
                .find(|c: char| !c.is_ascii_digit())
                .map_or(minor, |end| &minor[..end]);
            // `>3.8` allows 3.8.1, so it is no higher a bound.
            (major == 3).then(|| minor.parse().ok()).flatten()
        });
        lowest.max().map(Self::cpython)
    }
}

impl FromStr for TargetVersion {
    type Err = ();

    /// `3.11`, `py311`, `cpython3.11`, `pypy3.10`, `pypy310`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim().to_ascii_lowercase();
        let (interpreter, version) = ["pypy", "cpython", "python", "py", ""]
            .iter()
            .find_map(|name| Some((*name, text.strip_prefix(name)?)))
            .ok_or(())?;
        let version = version.trim_start_matches(['-', ' ']);
        let minor = match version.strip_prefix("3.") {
            Some(minor) => minor,
            None if !interpreter.is_empty() => version.strip_prefix('3').ok_or(())?,
            None => return Err(()),
        };
        let is_number = (1..=2).contains(&minor.len()) && minor.bytes().all(|b| b.is_ascii_digit());
        let minor = minor.parse().ok().filter(|_| is_number).ok_or(())?;
        let interpreter = if interpreter == "pypy" {
            Interpreter::PyPy
        } else {
            Interpreter::CPython
        };
        Ok(Self { interpreter, minor })
    }
}

impl fmt::Display for TargetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.interpreter {
            Interpreter::CPython => "",
            Interpreter::PyPy => "pypy",
        };
        write!(f, "{name}3.{}", self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_printed() {
        for text in ["3.11", "3.9", "pypy3.10"] {
            let version: TargetVersion = text.parse().expect("a version");
            assert_eq!(version.to_string(), text);
        }
        assert_eq!("py312".parse(), Ok(TargetVersion::cpython(12)));
        for wrong in [
            "",
            "3",
            "2.7",
            "3.x",
            "3.11.2",
            "3.",
            "4.0",
            "311",
            "jython2.7",
            "3.+1",
        ] {
            assert_eq!(wrong.parse::<TargetVersion>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn lower_bounds_are_found() {
        let lowest = |text| TargetVersion::lowest_of(text).map(|it| it.minor);
        assert_eq!(lowest(">=3.8"), Some(8));
        assert_eq!(lowest("<4,>= 3.10.2, !=3.11.*"), Some(10));
        assert_eq!(lowest("~=3.9"), Some(9));
        assert_eq!(lowest("==3.12.*"), Some(12));
        assert_eq!(lowest("^3.9"), Some(9));
        assert_eq!(lowest("3.9"), Some(9));
        for none in ["", ">=3", "<3.12", ">=2.7, !=3.0.*", "nonsense"] {
            assert_eq!(lowest(none), None, "{none}");
        }
    }
}
