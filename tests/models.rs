//! Every name in the table of registries does what its row says: a program that uses it is found.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use toml::Table;

/// Roles that only silence, and those whose rule informs: its page has the programs.
const SILENT: &[&str] = &[
    "close-figure",
    "call-later",
    "dataset",
    "loader",
    "timer-wait",
];

/// Roots of the standard library; a row of another library says which versions it is true of.
const STANDARD: &[&str] = &[
    "_thread",
    "asyncio",
    "atexit",
    "codecs",
    "concurrent",
    "contextvars",
    "ctypes",
    "gc",
    "logging",
    "multiprocessing",
    "os",
    "sys",
    "threading",
    "tkinter",
];

/// A program that gives a lambda over its object to the function `name`.
fn registering(name: &str, row: &Table) -> String {
    let (receiver, last) = name.rsplit_once('.').expect("a dotted name");
    let root = receiver.split('.').next().expect("a first part");
    let weak = row.get("weak").map_or(String::new(), |it| {
        format!(", {}=False", it.as_str().expect("a text"))
    });
    let callback = match row.get("keywords").and_then(|it| it.as_array()) {
        Some(them) => format!("{}=lambda: self.run()", them[0].as_str().expect("a text")),
        None => "lambda: self.run()".to_owned(),
    };
    let (bound, receiver) = match row.get("lives") {
        Some(_) => (format!("KEEPER = {receiver}\n"), "KEEPER"),
        None => (String::new(), receiver),
    };
    format!(
        "import {root}\n\n{bound}\n\nclass Subject:\n    def __init__(self, rows):\n        self.rows = rows\n        \
         {receiver}.{last}({callback}{weak})\n\n    def run(self):\n        return self.rows\n\n\n\
         def on_message(client, userdata, message):\n    Subject(message)\n"
    )
}

/// A program that does with the API `name` what the role is asked about.
fn playing(name: &str, role: &str) -> String {
    let root = name.split('.').next().expect("a first part");
    let body = match role {
        "task" => {
            format!("async def job():\n    pass\n\n\nasync def handle():\n    {name}(job())\n")
        }
        "future" => format!(
            "async def job():\n    await {name}()\n\n\nasync def handle():\n    asyncio.create_task(job())\n"
        ),
        "lone-wait" => {
            let (receiver, last) = name.rsplit_once('.').expect("a dotted name");
            format!(
                "async def job():\n    it = {receiver}()\n    await it.{last}()\n\n\nasync def handle():\n    asyncio.create_task(job())\n"
            )
        }
        "own-stream" => format!(
            "async def job(host):\n    reader, writer = await {name}(host)\n    writer.write(b'x')\n    await reader.readline()\n\n\n\
             async def handle(host):\n    asyncio.create_task(job(host))\n"
        ),
        "wait-tasks" => format!(
            "async def handle(one, other):\n    a = asyncio.create_task(one())\n    b = asyncio.create_task(other())\n    \
             done, _ = await {name}({{a, b}}, return_when=asyncio.FIRST_COMPLETED)\n    return b in done\n"
        ),
        "thread" => format!(
            "class Poll:\n    def __init__(self):\n        {name}(target=self.run).start()\n\n    def run(self):\n        \
             while True:\n            self.step()\n\n    def step(self):\n        pass\n\n\n\
             def handler(event, context):\n    Poll()\n"
        ),
        "timer" => format!("def handler(event, context):\n    {name}(3600, print).start()\n"),
        "context-var" => format!(
            "def handler(event, context):\n    var = {name}(\"v\")\n    var.set(event)\n    return var.get()\n"
        ),
        "thread-local" => {
            format!("state = {name}()\n\n\ndef trace(line):\n    state.lines.append(line)\n")
        }
        "logger" => {
            format!("def handler(event, context):\n    {name}(f\"log.{{event}}\").info(\"x\")\n")
        }
        "add-handler" => format!(
            "import logging\n\n\ndef handler(event, context):\n    {name}(logging.StreamHandler())\n"
        ),
        "figure" => format!("def plot(rows):\n    for row in rows:\n        {name}()\n"),
        "native-memory" => format!("def fill():\n    {name}(100)\n"),
        "pointer-type" => {
            format!("def pack(values):\n    return {name}(ctypes.c_int * len(values))\n")
        }
        "add-reference" => format!("def keep(value):\n    {name}(ctypes.py_object(value))\n"),
        other => panic!("no program plays the role {other}"),
    };
    let also = ["asyncio", "ctypes"]
        .map(|it| format!("import {it}\n"))
        .concat();
    format!("import {root}\n{also}\n\n{body}")
}

#[test]
fn every_name_is_found_in_a_program_that_uses_it() {
    let text = include_str!("../rules/models/registries.toml");
    let table: Table = text.parse().expect("a table");
    let mut programs = Vec::new();
    let rows = |key: &str| table[key].as_array().expect("rows").clone();
    for row in rows("registry") {
        let row = row.as_table().expect("a row");
        for name in row["names"].as_array().expect("names") {
            let name = name.as_str().expect("a text");
            let root = name.split('.').next().unwrap_or(name);
            assert!(
                STANDARD.contains(&root) || row.contains_key("note"),
                "the row of {name} does not say which versions it is true of"
            );
            programs.push((name.to_owned(), registering(name, row)));
        }
    }
    for row in rows("role") {
        let role = row["is"].as_str().expect("a text");
        for name in row["names"].as_array().expect("names") {
            let name = name.as_str().expect("a text");
            let root = name.split('.').next().unwrap_or(name);
            assert!(
                STANDARD.contains(&root) || row.get("note").is_some(),
                "the row of {name} does not say which versions it is true of"
            );
            if SILENT.contains(&role) {
                continue;
            }
            programs.push((name.to_owned(), playing(name, role)));
        }
    }
    for name in table["hook"]["names"].as_array().expect("names") {
        let name = name.as_str().expect("a text");
        let program = format!("def attach(model):\n    model.{name}(print)\n");
        programs.push((name.to_owned(), program));
    }
    let folder = TempDir::with_prefix("models").expect("a temporary folder");
    for (at, (_, text)) in programs.iter().enumerate() {
        fs::write(folder.path().join(format!("p{at}.py")), text).expect("a file");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args([
            "check",
            "--isolated",
            "--quiet",
            "--exit-zero",
            "--output",
            "json",
            ".",
        ])
        .args(["--program", "application"])
        .current_dir(folder.path())
        .output()
        .expect("the binary runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let found: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|it| {
            let code = it["code"].as_str().unwrap_or_default();
            code.starts_with("HL5") || code.starts_with("HL6")
        })
        .filter_map(|it| it["location"]["path"].as_str())
        .collect();
    let silent: Vec<&str> = programs
        .iter()
        .enumerate()
        .filter(|(at, _)| !found.contains(&format!("p{at}.py").as_str()))
        .map(|(_, it)| &*it.0)
        .collect();
    assert!(
        silent.is_empty(),
        "rows of registries.toml that find nothing:\n{}",
        silent.join("\n")
    );
}
