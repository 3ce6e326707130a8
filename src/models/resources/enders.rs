//! Methods that say by their names that an object's life ends.

/// The usual ones first.
const ENDERS: &[&str] = &[
    "close",
    "aclose",
    "stop",
    "shutdown",
    "disconnect",
    "quit",
    "terminate",
    "dispose",
    "release",
    "cleanup",
    "clean_up",
    "teardown",
    "tear_down",
    "finish",
    "end",
    "exit",
    "logout",
    "destroy",
    "kill",
    "abort",
    "unlink",
    "delete",
    "remove",
    "join",
    "wait",
    "detach",
    "__exit__",
    "__aexit__",
    "__del__",
];

/// How usual a name is for the method that ends an object's life, the most usual first; `None` when it does not say so.
#[must_use]
pub fn ender_rank(name: &str) -> Option<usize> {
    ENDERS.iter().position(|&it| it == name)
}
