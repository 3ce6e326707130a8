//! What holds, what grows and shrinks it, what bounds it, and how often code runs.

use toml::Table;

use super::{Programs, Wanted, import, rows, table, texts, written};

const HANDLER: &str = "\n\ndef handler(event, context):\n";

/// A statement that adds to `STORE` what comes with an event.
fn adding(holds: &str) -> &'static str {
    match holds {
        "list" | "deque" => "STORE.append(event)",
        "dict" | "bounded" => "STORE[event[\"id\"]] = event",
        "set" | "weak" => "STORE.add(event[\"id\"])",
        "queue" => "STORE.put(event)",
        "counter" => "STORE[event[\"id\"]] += 1",
        "defaultdict" => "STORE[event[\"id\"]].append(1)",
        other => panic!("{other} is no way to hold"),
    }
}

fn integer(row: &Table, key: &str) -> Option<usize> {
    row.get(key)?.as_integer().map(|it| it as usize)
}

/// Keyword and position of the argument that bounds.
fn bound(row: &Table) -> Option<(String, usize)> {
    let bound = row.get("bound")?.as_table().expect("a table");
    Some((
        bound["keyword"].as_str()?.to_owned(),
        integer(bound, "position")?,
    ))
}

fn types(programs: &mut Programs, table: &Table) {
    for row in rows(table, "type") {
        let names = texts(&row, "names");
        let holds = row["holds"].as_str().expect("a text");
        let wanted = match holds {
            "weak" | "bounded" => Wanted::Quiet,
            _ => Wanted::Found,
        };
        for name in &names {
            let program = |arguments: &str| {
                let call = format!("{}({arguments})", written(name));
                format!(
                    "{}STORE = {call}{HANDLER}    {}\n",
                    import(name),
                    adding(holds)
                )
            };
            let first = if holds == "defaultdict" { "list" } else { "" };
            programs.add(name, holds, program(first), wanted);
            if let Some((keyword, position)) = bound(&row) {
                programs.add(
                    name,
                    &keyword,
                    program(&format!("{keyword}=9")),
                    Wanted::Quiet,
                );
                let arguments = format!("{}9", "[], ".repeat(position));
                programs.add(name, "position", program(&arguments), Wanted::Quiet);
            }
        }
    }
    for part in texts(table["bounded-names"].as_table().expect("a row"), "parts") {
        // A class of the program that says it evicts, and does not show how.
        let evicting = format!(
            "class {part}Store(dict):\n    pass\n\n\nSTORE = {part}Store(){HANDLER}    STORE[event[\"id\"]] = event\n"
        );
        programs.add(&part, "name of a class", evicting, Wanted::Quiet);
    }
    let plain = format!(
        "class Store(dict):\n    pass\n\n\nSTORE = Store(){HANDLER}    STORE[event[\"id\"]] = event\n"
    );
    programs.add("Store", "name of a class", plain, Wanted::Found);
}

fn methods(programs: &mut Programs, table: &Table) {
    for row in rows(table, "method") {
        let does = row["does"].as_str().expect("a text");
        let last = integer(&row, "key")
            .max(integer(&row, "value"))
            .unwrap_or(0);
        let arguments = vec!["event[\"id\"]"; last + 1].join(", ");
        for name in texts(&row, "names") {
            let made = match does {
                "add" => "set()",
                "setdefault" | "update" | "setitem" => "{}",
                "put" => "queue.Queue()",
                _ => "[]",
            };
            match does {
                "remove" | "clear" => {
                    let argument = if does == "clear" { "" } else { "event" };
                    let program = format!(
                        "STORE = set(){HANDLER}    STORE.add(event[\"id\"])\n\n\ndef handle(event, context):\n    STORE.{name}({argument})\n"
                    );
                    programs.add(&name, does, program, Wanted::Quiet);
                }
                "get" => {
                    let program = format!("STORE = {{}}{HANDLER}    STORE.{name}(event[\"id\"])\n");
                    programs.add(&name, does, program, Wanted::Quiet);
                }
                _ => {
                    let program = format!(
                        "import queue\nSTORE = {made}{HANDLER}    STORE.{name}({arguments})\n"
                    );
                    programs.add(&name, does, program, Wanted::Found);
                }
            }
        }
    }
    for row in rows(table, "function") {
        let names = texts(&row, "names");
        for name in &names {
            let (imports, call) = (import(name), written(name));
            let grows = format!("{imports}STORE = []{HANDLER}    {call}(STORE, event)\n");
            let appends =
                format!("{imports}STORE = []{HANDLER}    STORE.append(event)\n    {call}(STORE)\n");
            if row.contains_key("grows") {
                programs.add(name, "grows", grows, Wanted::Found);
            } else if row.contains_key("keeps") {
                programs.add(name, "keeps", grows, Wanted::Quiet);
            } else if row.contains_key("shrinks") {
                programs.add(name, "shrinks", appends, Wanted::Quiet);
            } else {
                programs.add(name, "reads", appends, Wanted::Found);
            }
        }
    }
}

fn bases(programs: &mut Programs, table: &Table) {
    let shared = |imports: &str, base: &str| {
        format!(
            "{imports}\n\nclass Form({base}):\n    rows = []\n\n    def fill(self, event):\n        self.rows.append(event)\n\n\n\
             def handler(event, context):\n    Form().fill(event)\n"
        )
    };
    let cached = |imports: &str, base: &str| {
        format!(
            "import functools\n{imports}\n\nclass Form({base}):\n    @functools.lru_cache(maxsize=None)\n    def total(self):\n        \
             return 1\n\n\ndef handler(event, context):\n    Form(event).total()\n"
        )
    };
    programs.add("object", "shared", shared("", "object"), Wanted::Found);
    programs.add("object", "cached", cached("", "object"), Wanted::Found);
    for row in rows(table, "base") {
        let names = texts(&row, "names");
        let kind = row["is"].as_str().expect("a text");
        for name in &names {
            let (imports, base) = (import(name), written(name));
            let program = match kind {
                "declarative" => shared(&imports, base),
                "enum" | "metaclass" => cached(&imports, base),
                // What is cached by value is one entry for all objects that are equal: said otherwise, not unsaid.
                "value" => continue,
                other => panic!("{other} is no kind of base"),
            };
            programs.add(name, kind, program, Wanted::Quiet);
        }
    }
}

fn caches(programs: &mut Programs, table: &Table) {
    for row in rows(table, "cache") {
        let names = texts(&row, "names");
        for name in &names {
            let imports = import(name);
            let store = if row.contains_key("store") {
                "({})"
            } else {
                ""
            };
            let method = format!(
                "{imports}\n\nclass Big:\n    def __init__(self, rows):\n        self.rows = list(rows)\n\n    @{name}{store}\n    \
                 def total(self, x):\n        return sum(self.rows) * x\n\n\ndef handler(event, context):\n    return Big(event).total(1)\n"
            );
            programs.add(name, "on a method", method, Wanted::Found);
            let Some((keyword, _)) = bound(&row) else {
                continue;
            };
            for (limit, wanted) in [("None", Wanted::Found), ("99", Wanted::Quiet)] {
                let function = format!(
                    "{imports}\n\n@{name}({keyword}={limit})\ndef total(x):\n    return len(x) * 2\n\n\n\
                     def handler(event, context):\n    return total(event[\"id\"])\n"
                );
                programs.add(name, limit, function, wanted);
            }
        }
    }
}

#[test]
fn containers_grow_and_shrink_as_their_rows_say() {
    let table = table("containers");
    let mut programs = Programs::default();
    types(&mut programs, &table);
    methods(&mut programs, &table);
    bases(&mut programs, &table);
    caches(&mut programs, &table);
    programs.check(&["HL1"], &[]);
}

const ANSWER: &str = "\n\ndef answer(it):\n    STORE[it] = it\n";

fn events(programs: &mut Programs, table: &Table) {
    for row in rows(table, "decorator") {
        let names = texts(&row, "names");
        let runs = row["runs"].as_str().expect("a text");
        let wanted = match runs {
            "per-event" => Wanted::Event,
            _ => Wanted::NoEvent,
        };
        let objects = match &*texts(&row, "objects") {
            [] => vec!["app".to_owned()],
            them => them.to_vec(),
        };
        for (at, name) in names.iter().enumerate() {
            let objects = if at == 0 { &objects[..] } else { &objects[..1] };
            for object in objects {
                let (imports, decorator) = match name.contains('.') {
                    true => (import(name), name.clone()),
                    false => (
                        format!("from elsewhere import {object}\n"),
                        format!("{object}.{name}"),
                    ),
                };
                let answer = ANSWER.trim_start();
                let program = format!("{imports}STORE = {{}}\n\n\n@{decorator}(\"x\")\n{answer}");
                programs.add(name, &format!("{runs}, {object}"), program, wanted);
            }
        }
    }
    for row in rows(table, "method") {
        let bases = texts(&row, "bases");
        let any = [String::from("object")];
        for base in if bases.is_empty() { &any[..] } else { &bases } {
            for name in texts(&row, "names") {
                let program = format!(
                    "{}STORE = {{}}\n\n\nclass Serving({base}):\n    def {name}(self, it):\n        STORE[it] = it\n",
                    import(base)
                );
                programs.add(base, &name, program, Wanted::Event);
            }
        }
    }
    for row in rows(table, "callable") {
        let params = row["params"].as_array().expect("lists").iter();
        let params = params.map(|it| it.as_array().expect("a list"));
        for params in params {
            let params: Vec<&str> = params.iter().filter_map(|it| it.as_str()).collect();
            let (first, params) = (params[0], params.join(", "));
            for name in texts(&row, "names") {
                let program = match name.starts_with("__") {
                    true => format!(
                        "STORE = {{}}\n\n\nclass Serving:\n    def {name}(self, {params}):\n        STORE[{first}] = 1\n"
                    ),
                    false => {
                        format!("STORE = {{}}\n\n\ndef {name}({params}):\n    STORE[{first}] = 1\n")
                    }
                };
                programs.add(&name, &params, program, Wanted::Event);
            }
        }
    }
    let handed = table["handed"].as_table().expect("a row");
    let names = texts(handed, "exact");
    for name in names {
        let program = format!(
            "{}STORE = {{}}{ANSWER}\n\n{name}(\"x\", answer)\n",
            import(&name)
        );
        programs.add(&name, "handed", program, Wanted::Event);
    }
    for name in texts(handed, "methods") {
        let program = format!(
            "from elsewhere import app\nSTORE = {{}}{ANSWER}\n\napp.{name}(\"x\", answer)\n"
        );
        programs.add(&name, "handed", program, Wanted::Event);
    }
    let plain =
        format!("from elsewhere import app\nSTORE = {{}}{ANSWER}\n\napp.look_at(\"x\", answer)\n");
    programs.add("look_at", "handed", plain, Wanted::NoEvent);
}

/// Programs that add to a list in a loop of `main`, of which `head` is the head.
fn looping(imports: &str, head: &str, added: &str) -> String {
    format!(
        "{imports}STORE = []\n\n\ndef main(go):\n    {head}:\n        STORE.append({added})\n\n\nmain(src)\n"
    )
}

fn loops(programs: &mut Programs, table: &Table) {
    let unknown = "from elsewhere import src\n";
    let endless = table["endless"].as_table().expect("a row");
    let names = texts(endless, "exact");
    for name in names {
        let imports = format!("{unknown}{}", import(&name));
        let program = looping(&imports, &format!("for it in {name}(1)"), "it");
        programs.add(&name, "endless", program, Wanted::Found);
    }
    for name in texts(endless, "methods") {
        let program = looping(unknown, &format!("for it in src.{name}()"), "it");
        programs.add(&name, "endless", program, Wanted::Found);
    }
    let program = looping(unknown, "for it in src.parts()", "it");
    programs.add("parts", "endless", program, Wanted::Quiet);
    for name in texts(table["waiting"].as_table().expect("a row"), "exact") {
        let program = looping(unknown, "while go.running", &format!("src.{name}()"));
        programs.add(&name, "waiting", program, Wanted::Found);
    }
    for part in texts(table["flags"].as_table().expect("a row"), "parts") {
        let program = looping(unknown, &format!("while not go.{part}"), "src.recv()");
        programs.add(&part, "flag", program, Wanted::Found);
    }
    let program = looping(unknown, "while go.running", "src.part()");
    programs.add("part", "waiting", program, Wanted::Quiet);
    for name in texts(table["once"].as_table().expect("a row"), "names") {
        let program = format!("STORE = {{}}{}", ANSWER.replace("answer", &name));
        programs.add(&name, "once", program, Wanted::NoEvent);
    }
}

#[test]
fn code_runs_as_often_as_its_row_says() {
    let table = table("entry_points");
    let mut programs = Programs::default();
    events(&mut programs, &table);
    programs.check(&["HL1"], &[]);
    // What comes from an object that nobody knows is of low confidence.
    let mut programs = Programs::default();
    loops(&mut programs, &table);
    programs.check(&["HL1"], &["--confidence", "low"]);
}
