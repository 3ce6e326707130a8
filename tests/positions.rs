//! A leak planted in a generated source of odd lines is found again at its line and column, by both doors, in every format.
//!
//! Lines end as CPython ends them: LF, CR LF and lone CR. Columns count code points, in two formats bytes or UTF-16 units.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use heaplint::config::{Config, Parser, Source, Sourced};
use heaplint::pipeline::{Analysis, Request, analyze};
use heaplint::report::{Format, Report, Style, write};
use serde_json::Value;

/// Sources for each door.
const SOURCES: u64 = 40;

/// What is planted.
const LEAK: &str = "open(path)";

/// Characters that something counts wrongly sooner or later.
const ODD: &[&str] = &[
    "a",
    " ",
    "é",
    "ü",
    "名前",
    "ｗ",
    "😀",
    "e\u{301}",
    "👩\u{200d}👩\u{200d}👧",
    "\t",
    "\u{a0}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{b}",
    "\u{c}",
    "\u{1c}",
    "\u{200b}",
    "\u{202e}",
    "\u{feff}",
    "\u{1b}[31m",
    "%",
    "&<\">",
    "`|",
    "::",
    "]]>",
    "{}",
    "\u{fffd}",
    "\u{7f}",
];

/// A source, and where the leak starts in it.
struct Planted {
    bytes: Vec<u8>,
    line: u64,
    /// What stands before the leak on its line.
    before: String,
}

/// Encodings that a cookie names, with characters that each has besides ASCII.
const COOKIES: &[(&str, &[&str])] = &[
    ("latin-1", &["é", "ü", "\u{85}", "\u{a0}"]),
    ("cp1252", &["é", "€"]),
    ("shift_jis", &["名", "前"]),
    ("gbk", &["名", "前"]),
    ("koi8-r", &["я"]),
    ("utf-8", ODD),
];

struct Maker {
    rng: Rng,
    text: String,
    line: u64,
    odd: &'static [&'static str],
    end: &'static [&'static str],
}

impl Maker {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    fn odd(&mut self) -> String {
        let odd = self.odd;
        (0..self.rng.usize(..6)).map(|_| self.pick(odd)).collect()
    }

    /// Inside of a string, which must not open a hole or end early.
    fn quoted(&mut self) -> String {
        self.odd().replace(['{', '}', '"'], "")
    }

    fn end(&mut self) {
        let end = self.pick(self.end);
        self.text.push_str(end);
        self.line += 1;
    }

    fn add(&mut self, line: &str) {
        self.text.push_str(line);
        self.end();
    }

    /// One or more lines of no importance.
    fn filler(&mut self) {
        match self.rng.u8(..9) {
            0 => self.add(""),
            1 => {
                let odd = self.odd();
                self.add(&format!("# {odd}"));
            }
            2 => {
                let odd = self.quoted();
                self.add(&format!("s = \"{odd}\""));
            }
            3 => {
                let odd = self.quoted();
                self.add("s = \"\"\"");
                self.add(&odd);
                self.add("\"\"\"");
            }
            4 => {
                self.add("t = 1 + \\");
                self.add("  2");
            }
            5 => {
                let odd = self.quoted();
                self.add(&format!("u = f\"{odd}{{s}}{odd}\"; u = (u,"));
                self.add("\t)");
            }
            6 => self.add("\u{c}v = 1"),
            7 => {
                self.add("if s:");
                self.add("\tw = 1");
            }
            _ => self.add("x = 'a\\"),
        }
    }
}

fn planted(seed: u64) -> Planted {
    let mut rng = Rng::with_seed(seed);
    let ends: [&'static [&'static str]; 4] = [&["\n"], &["\r\n"], &["\r"], &["\n", "\r\n", "\r"]];
    let end = ends[rng.usize(..4)];
    let cookie = (rng.u8(..3) == 0).then(|| COOKIES[rng.usize(..COOKIES.len())]);
    let has_bom = rng.bool() && cookie.is_none_or(|it| it.0 == "utf-8");
    let mut maker = Maker {
        rng,
        text: String::new(),
        line: 1,
        odd: cookie.map_or(ODD, |it| it.1),
        end,
    };
    if let Some((name, _)) = cookie {
        maker.add(&format!("# -*- coding: {name} -*-"));
    }
    for _ in 0..maker.rng.usize(..8) {
        let before = maker.text.len();
        maker.filler();
        if maker.text[before..].starts_with("x = 'a\\") {
            maker.add("b'");
        }
    }
    maker.add("def first(path):");
    let indent = maker.pick(&["\t", " ", "    ", " \t"]);
    for _ in 0..maker.rng.usize(..3) {
        let odd = maker.quoted();
        maker.add(&format!("{indent}s = \"{odd}\""));
    }
    let line = maker.line;
    let odd = maker.quoted();
    let before = match maker.rng.u8(..3) {
        0 => format!("{indent}f = "),
        1 => format!("{indent}s = \"{odd}\"; f = "),
        _ => format!("{indent}s = '''{odd}'''  ;\tf = "),
    };
    let leak = format!("{before}{LEAK}");
    maker.add(&leak);
    maker.text.push_str(&format!("{indent}return f.read()"));
    if maker.rng.bool() {
        maker.end();
    }
    let mut bytes = match cookie {
        // What the web calls latin-1 has no C1 controls; Python's has.
        Some(("latin-1", _)) => maker.text.chars().map(|it| it as u8).collect(),
        Some((name, _)) => {
            let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).expect("known");
            let (bytes, _, is_lossy) = encoding.encode(&maker.text);
            assert!(!is_lossy, "{name}: {:?}", maker.text);
            bytes.into_owned()
        }
        None => maker.text.clone().into_bytes(),
    };
    if has_bom {
        bytes.splice(..0, *b"\xef\xbb\xbf");
    }
    Planted {
        bytes,
        line,
        before,
    }
}

fn run(file: &Path, parser: Parser) -> Analysis {
    let mut config = Config::from_str("", Path::new("heaplint.toml")).expect("no settings");
    let from = Source::CommandLine;
    config.parser = Sourced {
        value: parser,
        from: from.clone(),
    };
    config.threads = Sourced { value: 1, from };
    let roots = vec![file.to_owned()];
    analyze(&request(roots, config), &|_, _| ()).expect("a file is there")
}

fn written(format: Format, analysis: &Analysis) -> String {
    let report = Report {
        version: "0",
        findings: &analysis.findings,
        sources: &analysis.sources,
        notices: &analysis.notices,
        rules: &[],
        stats: analysis.stats,
        prefix: "",
    };
    let mut out = Vec::new();
    write(format, &report, &Style::default(), &mut out).expect("written to memory");
    String::from_utf8(out).expect("reports are text")
}

/// Line and column of the one finding, as a format gives them; a format without columns gives the one that is expected.
fn place(format: Format, out: &str, path: &str, column: u64) -> Option<(u64, u64)> {
    let between = |start: &str, end: &str| -> Option<u64> {
        let rest = out.split(start).nth(1)?;
        rest.split(end).next()?.parse().ok()
    };
    let pair = |start: &str| -> Option<(u64, u64)> {
        let rest = out.split(start).nth(1)?;
        let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    };
    let json = || -> Option<Value> { serde_json::from_str(out).ok() };
    let of =
        |it: &Value, line: &str, column: &str| Some((it[line].as_u64()?, it[column].as_u64()?));
    match format {
        Format::Full => pair(&format!("╭─[ {path}:")),
        Format::Concise => pair(&format!("{path}:")),
        Format::Json => of(
            &json()?["findings"][0]["location"]["start"],
            "line",
            "column",
        ),
        Format::Jsonl => of(&json()?["location"]["start"], "line", "column"),
        Format::Github => Some((between(",line=", ",")?, between(",col=", ",")?)),
        Format::Sarif => {
            let results = json()?["runs"][0]["results"].clone();
            let region = &results[0]["locations"][0]["physicalLocation"]["region"];
            of(region, "startLine", "startColumn")
        }
        Format::Gitlab => of(
            &json()?[0]["location"]["positions"]["begin"],
            "line",
            "column",
        ),
        Format::Junit => Some((between(" line=\"", "\"")?, column)),
        Format::Markdown => Some((between(&format!("`{path}:"), "`")?, column)),
        Format::Rdjson => of(
            &json()?["diagnostics"][0]["location"]["range"]["start"],
            "line",
            "column",
        ),
        Format::Rdjsonl => of(&json()?["location"]["range"]["start"], "line", "column"),
        Format::Azure => Some((
            between(";linenumber=", ";")?,
            between(";columnnumber=", ";")?,
        )),
        Format::Checkstyle => Some((between(" line=\"", "\"")?, between(" column=\"", "\"")?)),
        Format::Pylint => Some((between(&format!("{path}:"), ":")?, column)),
        Format::Sonar => {
            let range = json()?["issues"][0]["primaryLocation"]["textRange"].clone();
            let (line, column) = of(&range, "startLine", "startColumn")?;
            Some((line, column + 1))
        }
        _ => None,
    }
}

fn all_places_by(parser: Parser) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut found = 0;
    for seed in 0..SOURCES {
        let planted = planted(seed);
        let path = format!("s{seed}.py");
        let file = dir.path().join(&path);
        fs::write(&file, &planted.bytes).expect("written");
        let analysis = run(&file, parser);
        let shown = String::from_utf8_lossy(&planted.bytes);
        let context = format!("{parser:?}, seed {seed}: {shown:?}: {:?}", analysis.notices);
        // This parser refuses spaces before tabs and a few other things that CPython takes.
        if parser == Parser::Rustpython && !analysis.notices.is_empty() {
            continue;
        }
        assert!(analysis.notices.is_empty(), "{context}");
        assert_eq!(analysis.findings.len(), 1, "{context}");
        let span = analysis.findings[0].primary.span;
        let text = &analysis
            .sources
            .file(analysis.findings[0].primary.file)
            .text;
        let leak = &text[span.start as usize..span.end as usize];
        assert_eq!(leak, LEAK, "{context}");
        for &format in Format::ALL {
            let units: fn(char) -> usize = match format {
                Format::Rdjson | Format::Rdjsonl => char::len_utf8,
                Format::Sonar => char::len_utf16,
                _ => |_| 1,
            };
            let column = planted.before.chars().map(units).sum::<usize>() as u64 + 1;
            let out = written(format, &analysis);
            let place = place(format, &out, &path, column);
            assert_eq!(
                place,
                Some((planted.line, column)),
                "{format}, {context}\n{out}"
            );
            found += 1;
        }
    }
    let least = match parser {
        Parser::Rustpython => SOURCES / 2,
        _ => SOURCES,
    };
    assert!(found >= least as usize * Format::ALL.len(), "{found}");
}

#[test]
fn ruffs_places_are_found_again() {
    all_places_by(Parser::Ruff);
}

#[test]
fn rustpythons_places_are_found_again() {
    all_places_by(Parser::Rustpython);
}

fn request(roots: Vec<std::path::PathBuf>, config: Config) -> Request {
    Request {
        roots,
        config,
        overlay: heaplint::source::Overlay::default(),
        cache: heaplint::pipeline::CacheChoice::Off,
    }
}
