//! Every name in the table of registries does what its row says: a program that uses it is found.

use toml::Table;

use super::{Programs, Wanted, rows, table, texts};

/// Roles that only silence, and those whose rule informs: its page has the programs.
const SILENT: &[&str] = &[
    "close-figure",
    "call-later",
    "dataset",
    "loader",
    "timer-wait",
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
        "recorder" => {
            format!(
                "CLIENT = {name}(print)\n\n\ndef handler(event, context):\n    CLIENT.send(event)\n"
            )
        }
        other => panic!("no program plays the role {other}"),
    };
    let also = ["asyncio", "ctypes"]
        .map(|it| format!("import {it}\n"))
        .concat();
    format!("import {root}\n{also}\n\n{body}")
}

#[test]
fn every_name_is_found_in_a_program_that_uses_it() {
    let table = table("registries");
    let mut programs = Programs::default();
    for row in rows(&table, "registry") {
        let names = texts(&row, "names");
        for name in &names {
            programs.add(name, "registers", registering(name, &row), Wanted::Found);
        }
    }
    for row in rows(&table, "role") {
        let role = row["is"].as_str().expect("a text");
        let names = texts(&row, "names");
        if SILENT.contains(&role) {
            continue;
        }
        for name in &names {
            programs.add(name, role, playing(name, role), Wanted::Found);
        }
    }
    for name in texts(table["hook"].as_table().expect("a row"), "names") {
        let program = format!("def attach(model):\n    model.{name}(print)\n");
        programs.add(&name, "hook", program, Wanted::Found);
    }
    programs.check(&["HL101", "HL5", "HL6"], &[]);
}
