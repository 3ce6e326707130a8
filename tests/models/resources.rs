//! What opens is found when it is dropped, and quiet when it is closed in each way that its row names; what is done to a
//! file that is handed on is what the row says.

use std::collections::HashMap;

use toml::Table;

use super::{Programs, Wanted, import, rows, table, texts, written};

/// Each name with its row.
fn apis() -> Vec<(String, Table)> {
    let mut apis = Vec::new();
    for row in super::TABLES.iter().flat_map(|it| rows(&table(it), "api")) {
        let names = texts(&row, "name");
        apis.extend(names.into_iter().map(|name| (name, row.clone())));
    }
    apis
}

fn flag(row: &Table, key: &str, default: bool) -> bool {
    row.get(key)
        .and_then(toml::Value::as_bool)
        .unwrap_or(default)
}

fn function(imports: &str, body: &[String]) -> String {
    let body: Vec<String> = body.iter().map(|it| format!("    {it}\n")).collect();
    format!("{imports}\n\ndef use(a):\n{}", body.concat())
}

/// The arguments with which the call opens something: one that is not known, and what the row asks for.
fn arguments(row: &Table) -> String {
    let is_position = |it: &String| it.parse::<usize>().is_ok();
    let mut arguments = Vec::new();
    if !texts(row, "unless").iter().any(|it| it == "0") {
        arguments.push("a".to_owned());
    }
    let mut wanted = texts(row, "only_if");
    let opened = texts(row, "opened_if");
    if !opened.iter().any(|it| it == "0") {
        wanted.extend(opened);
    }
    let keyword = wanted.into_iter().find(|it| !is_position(it));
    arguments.extend(keyword.map(|it| format!("{it}=a")));
    arguments.join(", ")
}

/// The call whose result is the resource, and names for it: a tuple has several.
fn opening(name: &str, row: &Table) -> (String, Vec<String>) {
    let arguments = arguments(row);
    let is_method = row.contains_key("receiver") || name.starts_with("pathlib.");
    let call = match name.rsplit_once('.') {
        Some((_, method)) if is_method => format!("owner.{method}({arguments})"),
        _ => format!("{}({arguments})", written(name)),
    };
    let fields = row.get("fields").and_then(|it| it.as_array());
    let names = match fields {
        None => vec!["r".to_owned()],
        Some(them) => {
            let last = them.iter().filter_map(toml::Value::as_integer).max();
            (0..=last.unwrap_or(0)).map(|it| format!("r{it}")).collect()
        }
    };
    (call, names)
}

fn opened_programs(programs: &mut Programs, name: &str, row: &Table) {
    let (call, names) = opening(name, row);
    // Whoever gives the owner of a method keeps it: what is asked about is what the method opens.
    let owner = call
        .starts_with("owner.")
        .then(|| name.rsplit_once('.').map_or(name, |it| it.0));
    let function = |body: &[String]| match owner {
        None => function(&import(name), body),
        Some(owner) => function(&import(owner), body)
            .replace("def use(a)", &format!("def use(owner: {owner}, a)")),
    };
    let fields = row.get("fields").is_some();
    let targets = match &*names {
        [one] if fields => format!("{one}, *_"),
        _ => names.join(", "),
    };
    let mut open = vec![format!("{targets} = {call}")];
    let first = texts(row, "opened_by");
    if let (Some(method), false) = (first.first(), row.contains_key("opened_if")) {
        open.push(format!("r.{method}(a)"));
    }
    if flag(row, "when_used", false) {
        open.push("print(r)".to_owned());
    }
    let with = |lines: &[String]| [&open[..], lines].concat();
    programs.add(
        name,
        "dropped",
        function(&with(&["a.step()".to_owned()])),
        Wanted::Found,
    );
    for closer in texts(row, "closers") {
        if closer.starts_with("__") {
            continue;
        }
        let lines: Vec<String> = names.iter().map(|it| format!("{it}.{closer}()")).collect();
        if texts(row, "awaited").contains(&closer) {
            let awaited: Vec<String> = lines.iter().map(|it| format!("await {it}")).collect();
            let text = function(&with(&awaited)).replace("def use", "async def use");
            programs.add(name, &format!("await {closer}"), text, Wanted::Quiet);
            programs.add(
                name,
                &format!("no await {closer}"),
                function(&with(&lines)),
                Wanted::Found,
            );
        } else {
            programs.add(name, &closer, function(&with(&lines)), Wanted::Quiet);
        }
    }
    if flag(row, "with_closes", true) && row.contains_key("opens") && !fields {
        let mut lines = vec![format!("with {call} as r:")];
        lines.extend(open[1..].iter().map(|it| format!("    {it}")));
        lines.push("    a.step()".to_owned());
        programs.add(name, "with", function(&lines), Wanted::Quiet);
    }
}

#[test]
fn what_opens_is_found_until_it_is_closed() {
    let mut programs = Programs::default();
    for (name, row) in apis() {
        if row.contains_key("opens") {
            opened_programs(&mut programs, &name, &row);
        }
    }
    // A client made anew for each call is a finding of its own, closed or not.
    let owned = [
        "HL201", "HL202", "HL203", "HL204", "HL205", "HL206", "HL208", "HL209", "HL210", "HL211",
    ];
    let clients: Vec<&str> = owned.into_iter().chain(["HL207"]).collect();
    let (of_clients, others): (Vec<_>, Vec<_>) = programs
        .all
        .into_iter()
        .partition(|it| it.0.ends_with("(with)"));
    let level = ["--level", "info", "--confidence", "low"];
    Programs { all: of_clients }.check(&owned, &level);
    Programs { all: others }.check(&clients, &level);
}

/// The call of an API with the resource at one of its parameters.
fn handing(name: &str, param: &toml::Value) -> String {
    let name = written(name);
    match (param.as_integer(), param.as_str()) {
        (Some(at), _) => format!("{name}({}r)", "a, ".repeat(at as usize)),
        (_, Some(keyword)) => format!("{name}({keyword}=r)"),
        _ => panic!("{name}: a parameter is a position or a keyword"),
    }
}

fn lines(them: &[&str]) -> Vec<String> {
    them.iter().map(|&it| it.to_owned()).collect()
}

fn handed_programs(programs: &mut Programs, name: &str, row: &Table) {
    let imports = format!("{}import urllib.request\n", import(name));
    let mut free = 0;
    for (key, wanted) in [
        ("borrows", Wanted::Found),
        ("views", Wanted::Found),
        ("wraps", Wanted::Found),
        ("takes", Wanted::Quiet),
        ("closes", Wanted::Quiet),
        ("exhausts", Wanted::Quiet),
    ] {
        for param in row
            .get(key)
            .and_then(|it| it.as_array())
            .into_iter()
            .flatten()
        {
            free = free.max(param.as_integer().unwrap_or(-1) + 1);
            let opener = match key {
                "exhausts" => "r = urllib.request.urlopen(a)",
                _ => "r = open(a)",
            };
            let call = format!("v = {}", handing(name, param));
            let program = function(&imports, &lines(&[opener, &call]));
            programs.add(name, &format!("{key} {param}"), program, wanted);
            if key == "wraps" {
                let closed = function(&imports, &lines(&[opener, &call, "v.close()"]));
                programs.add(name, "wrapper closed", closed, Wanted::Quiet);
            }
        }
    }
    let never_returns = flag(row, "never_returns", false);
    if row.contains_key("arguments") && !never_returns {
        let call = format!("v = {}", handing(name, &toml::Value::Integer(free)));
        let program = function(&imports, &lines(&["r = open(a)", &call]));
        programs.add(name, "arguments", program, Wanted::Found);
    }
    let call = format!("{}(a)", written(name));
    if never_returns {
        let inner = format!("    {call}");
        let body = lines(&["r = open(a)", "if a:", &inner, "else:", "    r.close()"]);
        programs.add(
            name,
            "never returns",
            function(&imports, &body),
            Wanted::Quiet,
        );
    }
    if flag(row, "cannot_raise", false) {
        let body = lines(&["r = open(a)", &call, "r.close()"]);
        programs.add(
            name,
            "cannot raise",
            function(&imports, &body),
            Wanted::Quiet,
        );
    }
}

/// How a program comes to the object that a method is called on, as statements and an expression, and what releases it.
struct Subject {
    made: Vec<String>,
    subject: &'static str,
    closing: String,
}

fn receiver_programs(programs: &mut Programs, name: &str, row: &Table, of: &Subject) {
    let (owner, method) = name.rsplit_once('.').expect("a method of a type");
    let imports = import(owner) + "import http.client\nimport sqlite3\nimport tempfile\n";
    let effect = row["receiver"].as_str().expect("a text");
    let call = format!("v = {}.{method}(a)", of.subject);
    let plain = function(
        &imports,
        &[&of.made[..], std::slice::from_ref(&call)].concat(),
    );
    let is_kept = matches!(effect, "view" | "borrow" | "take");
    let wanted = if is_kept {
        Wanted::Found
    } else {
        Wanted::Quiet
    };
    programs.add(name, effect, plain, wanted);
    if matches!(effect, "view" | "borrow") {
        let closed = [
            "try:".to_owned(),
            format!("    {call}"),
            "finally:".to_owned(),
            format!("    {}", of.closing),
        ];
        let closed = function(&imports, &[&of.made[..], &closed].concat());
        programs.add(name, "closed after it", closed, Wanted::Quiet);
    }
}

#[test]
fn what_is_handed_on_is_treated_as_the_row_says() {
    let apis = apis();
    let mut opener: HashMap<String, (String, String)> = HashMap::new();
    for (name, row) in &apis {
        if !row.contains_key("opens") || row.contains_key("receiver") {
            continue;
        }
        let closer = texts(row, "closers").first().cloned().unwrap_or_default();
        let of = (name.clone(), closer);
        for typ in texts(row, "returns") {
            opener.entry(typ).or_insert_with(|| of.clone());
        }
        opener.entry(name.clone()).or_insert(of);
    }
    let mut programs = Programs::default();
    for (name, row) in &apis {
        if row.contains_key("opens") {
            continue;
        }
        if !row.contains_key("receiver") {
            handed_programs(&mut programs, name, row);
            continue;
        }
        let (owner, _) = name.rsplit_once('.').expect("a method of a type");
        match (owner, opener.get(owner)) {
            ("pathlib.Path", _) => {
                let of = Subject {
                    made: lines(&["d = tempfile.mkdtemp()", "r = pathlib.Path(d)"]),
                    subject: "r",
                    closing: "r.rmdir()".to_owned(),
                };
                receiver_programs(&mut programs, name, row, &of);
            }
            ("sqlite3.Cursor", _) => {
                let of = Subject {
                    made: lines(&["r = sqlite3.connect(a)"]),
                    subject: "r.cursor()",
                    closing: "r.close()".to_owned(),
                };
                receiver_programs(&mut programs, name, row, &of);
            }
            (_, Some((open, closer))) => {
                let mut made = vec![format!("r = {}(a)", written(open))];
                if owner.starts_with("http.client.") {
                    made.push("r.request(a)".to_owned());
                }
                let of = Subject {
                    made,
                    subject: "r",
                    closing: format!("r.{closer}()"),
                };
                receiver_programs(&mut programs, name, row, &of);
            }
            // The owner opens nothing; what it is given stays with whoever gave it.
            (_, None) => {
                let (_, method) = name.rsplit_once('.').expect("a method of a type");
                let call = format!("{owner}().{method}(r)");
                let program = function(&import(owner), &lines(&["r = open(a)", &call]));
                programs.add(name, "argument", program, Wanted::Found);
            }
        }
    }
    programs.check(&["HL2"], &["--level", "info", "--confidence", "low"]);
}
