//! The programs of a rule page. Its form stands in `rules/README.md`.

use super::Program;

/// One `## Bad:` or `## Good:` section.
pub struct Section {
    pub title: String,
    pub is_bad: bool,
    pub program: Program,
    /// Unreadable parts of its form.
    pub errors: Vec<String>,
}

/// The programs of a page, in their order.
pub fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut is_program = false;
    let mut path: Option<String> = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|it| *it != "```").collect();
            let mut words = info.split_whitespace();
            if is_program && matches!(words.next(), Some("python" | "toml")) {
                let section = sections.last_mut().expect("is_program says so");
                let path = path.take().unwrap_or_else(|| "main.py".to_owned());
                section.program.files.push((path, body.join("\n") + "\n"));
                for word in words {
                    match word.split_once('=') {
                        Some(("target", it)) => section.program.target = Some(it.to_owned()),
                        Some(("program", it @ ("library" | "application"))) => {
                            section.program.is_library = it == "library";
                        }
                        _ => section.errors.push(format!("`{word}` after `python`")),
                    }
                }
            }
            path = None;
        } else if let Some(heading) = line.strip_prefix("## ") {
            let bad = heading.strip_prefix("Bad: ");
            let title = bad.or_else(|| heading.strip_prefix("Good: "));
            is_program = title.is_some();
            if let Some(title) = title {
                sections.push(Section {
                    title: title.to_owned(),
                    is_bad: bad.is_some(),
                    program: Program {
                        files: Vec::new(),
                        target: None,
                        is_library: false,
                    },
                    errors: Vec::new(),
                });
            }
        } else if let Some(it) = line.strip_prefix('`').and_then(|it| it.strip_suffix("`:")) {
            path = Some(it.to_owned());
        } else if !line.is_empty() {
            path = None;
        }
    }
    sections
}
