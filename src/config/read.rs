//! From TOML to [`Config`]: finding the file, its section, what it extends, and every key.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use globset::GlobBuilder;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{FORMS, KEYS, Key, OVERRIDE_KEYS, Takes};
use super::text::{nearest, parse_size};
use super::{
    Config, ConfigError, Level, Override, Parser, Pattern, PerFileIgnore, Program, Source, Sourced,
    TargetVersion,
};
use crate::base::LineIndex;
use crate::config::Confidence;

/// A longer settings file is refused.
const MAX_FILE: u64 = 1 << 20;
/// A longer chain of `extend` is refused; nobody's is.
const MAX_EXTENDS: usize = 16;

const OWN_FILE: &str = "heaplint.toml";
const PYPROJECT: &str = "pyproject.toml";

pub(super) fn load(start: &Path) -> Result<Config, ConfigError> {
    let start = fs::canonicalize(start).unwrap_or_else(|_| start.to_owned());
    let folder = if start.is_file() {
        start.parent().unwrap_or(&start)
    } else {
        &start
    };
    let mut config = None;
    let mut requires = None;
    for dir in folder.ancestors() {
        let own = dir.join(OWN_FILE);
        let project = dir.join(PYPROJECT);
        if config.is_none() && own.is_file() {
            config = Some(from_file(&own)?);
        }
        if (config.is_none() || requires.is_none()) && project.is_file() {
            let file = TextFile::read(&project)?;
            match DeTable::parse(&file.text) {
                Ok(table) => {
                    if config.is_none() && section(table.get_ref()).is_some() {
                        config = Some(from_text(file.clone())?);
                    }
                    requires = requires.or_else(|| requires_python(&file, table.get_ref()));
                }
                // Templates and the like are nothing to us, unless they mention us.
                Err(error) if config.is_none() && file.text.contains("tool.heaplint") => {
                    return Err(not_toml(&file, &error));
                }
                Err(_) => {}
            }
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    let mut config = config.unwrap_or_default();
    if let (Source::Default, Some(version)) = (&config.target_version.from, requires) {
        config.target_version = version;
    }
    Ok(config)
}

pub(super) fn load_all(roots: &[PathBuf]) -> Result<Config, ConfigError> {
    let mut all: Vec<(PathBuf, Config)> = Vec::new();
    for root in roots {
        // What is not there yet will lie in this folder.
        let start = match root.parent() {
            Some(parent) if !root.exists() => parent,
            _ => root,
        };
        let start = match start.as_os_str().is_empty() {
            true => Path::new("."),
            false => start,
        };
        let place = fs::canonicalize(root).unwrap_or_else(|_| root.clone());
        all.push((place, load(start)?));
    }
    let Some((_, first)) = all.first() else {
        return load(Path::new("."));
    };
    let mut config = first.clone();
    if all.iter().all(|it| it.1.files == config.files) {
        return Ok(config);
    }
    for (_, other) in &all[1..] {
        let version = &other.target_version;
        if version.value.interpreter == config.target_version.value.interpreter
            && version.value < config.target_version.value
        {
            config.target_version = version.clone();
        }
        for it in &other.api {
            if !config.api.contains(it) {
                config.api.push(it.clone());
            }
        }
        for it in &other.taught {
            if !config.taught.contains(it) {
                config.taught.push(it.clone());
            }
        }
    }
    config.by_root = all;
    Ok(config)
}

pub(super) fn from_file(path: &Path) -> Result<Config, ConfigError> {
    from_text(TextFile::read(path)?)
}

pub(super) fn from_str(text: &str, path: &Path) -> Result<Config, ConfigError> {
    from_text(TextFile::new(path, text.to_owned()))
}

fn from_text(file: TextFile) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let mut seen = Vec::new();
    add(&mut config, &file, &mut seen)?;
    if config.target_version.from == Source::Default
        && let Ok(table) = DeTable::parse(&file.text)
        && let Some(version) = requires_python(&file, table.get_ref())
    {
        config.target_version = version;
    }
    config.files = seen;
    Ok(config)
}

/// Adds a file's settings to `config`, after those of the file that it extends.
fn add(config: &mut Config, file: &TextFile, seen: &mut Vec<PathBuf>) -> Result<(), ConfigError> {
    seen.push(file.path.to_path_buf());
    let table = DeTable::parse(&file.text).map_err(|error| not_toml(file, &error))?;
    let table = table.get_ref();
    let table = if file.is_pyproject() {
        let Some(found) = section(table) else {
            return Err(file.error(None, "no section [tool.heaplint]".into(), None));
        };
        found
            .get_ref()
            .as_table()
            .ok_or_else(|| file.wrong("tool.heaplint", "a table", found))?
    } else {
        table
    };
    for key in table.keys() {
        if !KEYS.iter().any(|known| known.name == key.get_ref()) {
            return Err(unknown_key(file, key, KEYS));
        }
    }
    if let Some(value) = table.get("extend") {
        let path = file.path_of("extend", value)?;
        if seen.contains(&path) {
            let message = format!("`extend` comes back to {}", path.display());
            return Err(file.error(Some(value.span()), message, None));
        }
        if seen.len() >= MAX_EXTENDS {
            let message = "too many files extend one another".into();
            return Err(file.error(Some(value.span()), message, None));
        }
        let base = TextFile::read(&path).map_err(|error| {
            let message = format!("cannot extend {}: {}", path.display(), error.message);
            file.error(Some(value.span()), message, None)
        })?;
        add(config, &base, seen)?;
    }
    Section { file, table }.add_to(config)
}

fn section<'a, 'i>(table: &'a DeTable<'i>) -> Option<&'a Spanned<DeValue<'i>>> {
    table.get("tool")?.get_ref().as_table()?.get("heaplint")
}

/// `requires-python`, or Poetry's way to say it.
fn requires_python(file: &TextFile, table: &DeTable<'_>) -> Option<Sourced<TargetVersion>> {
    let at = |path: &[&str]| {
        let mut value = table.get(path[0])?;
        for key in &path[1..] {
            value = value.get_ref().as_table()?.get(*key)?;
        }
        Some((value.get_ref().as_str()?.to_owned(), value.span()))
    };
    let (text, span) = at(&["project", "requires-python"])
        .or_else(|| at(&["tool", "poetry", "dependencies", "python"]))?;
    Some(Sourced {
        value: TargetVersion::lowest_of(&text)?,
        from: file.source(&span),
    })
}

fn unknown_key(file: &TextFile, key: &Spanned<impl AsRef<str>>, keys: &[Key]) -> ConfigError {
    let name: &str = key.get_ref().as_ref();
    let hint = if name == "tool" && !file.is_pyproject() {
        Some("keys stand at the top level of this file, without [tool.heaplint]".to_owned())
    } else {
        nearest(name, keys.iter().map(|it| it.name)).map(|it| format!("did you mean `{it}`?"))
    };
    file.error(Some(key.span()), format!("unknown key `{name}`"), hint)
}

fn not_toml(file: &TextFile, error: &toml::de::Error) -> ConfigError {
    let message = error.message().lines().next().unwrap_or("not TOML");
    file.error(error.span(), message.to_owned(), None)
}

/// The keys of one file.
struct Section<'a, 'i> {
    file: &'a TextFile,
    table: &'a DeTable<'i>,
}

impl Section<'_, '_> {
    fn add_to(&self, config: &mut Config) -> Result<(), ConfigError> {
        let Config {
            files: _,
            select,
            ignore,
            exclude,
            extend_exclude,
            respect_gitignore,
            level,
            confidence,
            fail_level,
            target_version,
            program,
            threads,
            parser,
            large_object,
            per_file_ignores,
            severity,
            overrides,
            api,
            taught,
            report_tests,
            report_generated,
            report_vendored,
            require_reason,
            forbid_blanket,
            baseline,
            by_root: _,
        } = config;
        self.set("select", select, |key, value| {
            self.strings(key, value).map(Some)
        })?;
        self.set("ignore", ignore, |key, value| self.strings(key, value))?;
        self.set("exclude", exclude, |key, value| self.patterns(key, value))?;
        if let Some(value) = self.table.get("extend-exclude") {
            let from = self.file.source(&value.span());
            for value in self.patterns("extend-exclude", value)? {
                let from = from.clone();
                extend_exclude.push(Sourced { value, from });
            }
        }
        for (key, to) in [
            ("respect-gitignore", respect_gitignore),
            ("require-reason", require_reason),
            ("forbid-blanket", forbid_blanket),
            ("report-tests", report_tests),
            ("report-generated", report_generated),
            ("report-vendored", report_vendored),
        ] {
            self.set(key, to, |key, value| {
                let flag = value.get_ref().as_bool();
                flag.ok_or_else(|| self.wrong(key, value))
            })?;
        }
        self.set("level", level, |key, value| {
            self.word(key, value, Level::WORDS)
        })?;
        self.set("confidence", confidence, |key, value| {
            self.word(key, value, Confidence::WORDS)
        })?;
        self.set("fail-level", fail_level, |key, value| {
            self.word(key, value, Level::WORDS)
        })?;
        self.set("target-version", target_version, |key, value| {
            self.word(key, value, &[])
        })?;
        self.set("program", program, |key, value| {
            self.word(key, value, Program::WORDS)
        })?;
        self.set("threads", threads, |key, value| {
            let number = integer(value).and_then(|it| usize::try_from(it).ok());
            number
                .filter(|it| *it <= 1024)
                .ok_or_else(|| self.wrong(key, value))
        })?;
        self.set("parser", parser, |key, value| {
            self.word(key, value, Parser::WORDS)
        })?;
        self.set("large-object", large_object, |key, value| {
            let size = match value.get_ref() {
                DeValue::String(text) => parse_size(text),
                _ => integer(value),
            };
            size.ok_or_else(|| self.wrong(key, value))
        })?;
        self.add_per_file_ignores(per_file_ignores)?;
        self.add_severities(severity)?;
        self.add_overrides(overrides)?;
        self.add_rows("api", |row| api.push(row))?;
        for form in FORMS {
            self.add_rows(form, |row| taught.push((form, row)))?;
        }
        self.set("baseline", baseline, |key, value| {
            self.file.path_of(key, value).map(Some)
        })
    }

    /// Sets `to` if the section has `key`.
    fn set<T>(
        &self,
        key: &str,
        to: &mut Sourced<T>,
        read: impl FnOnce(&str, &Spanned<DeValue<'_>>) -> Result<T, ConfigError>,
    ) -> Result<(), ConfigError> {
        if let Some(value) = self.table.get(key) {
            *to = Sourced {
                value: read(key, value)?,
                from: self.file.source(&value.span()),
            };
        }
        Ok(())
    }

    fn add_per_file_ignores(
        &self,
        to: &mut Vec<Sourced<PerFileIgnore>>,
    ) -> Result<(), ConfigError> {
        for (glob, value) in self.entries("per-file-ignores")? {
            to.push(Sourced {
                value: PerFileIgnore {
                    files: self.file.pattern(glob.get_ref(), &glob.span())?,
                    rules: self.strings("per-file-ignores", value)?,
                },
                from: self.file.source(&glob.span()),
            });
        }
        Ok(())
    }

    fn add_severities(&self, to: &mut Vec<(String, Sourced<Level>)>) -> Result<(), ConfigError> {
        for (rule, value) in self.entries("severity")? {
            let level = Sourced {
                value: self.word(&format!("severity.{}", rule.get_ref()), value, Level::WORDS)?,
                from: self.file.source(&value.span()),
            };
            let rule = rule.get_ref().to_string();
            match to.binary_search_by(|(known, _)| known.cmp(&rule)) {
                Ok(at) => to[at].1 = level,
                Err(at) => to.insert(at, (rule, level)),
            }
        }
        Ok(())
    }

    fn add_overrides(&self, to: &mut Vec<Sourced<Override>>) -> Result<(), ConfigError> {
        for entry in self.rows("overrides")? {
            let Some(table) = entry.get_ref().as_table() else {
                return Err(self.wrong("overrides", entry));
            };
            if let Some(key) = table
                .keys()
                .find(|key| !OVERRIDE_KEYS.iter().any(|it| it.name == key.get_ref()))
            {
                return Err(unknown_key(self.file, key, OVERRIDE_KEYS));
            }
            let inside = Section {
                file: self.file,
                table,
            };
            let Some(files) = table.get("files") else {
                let message = "`overrides` needs `files`: globs of the files that are meant";
                return Err(self
                    .file
                    .error(Some(entry.span()), message.to_owned(), None));
            };
            let list = |key: &str| {
                let value = table.get(key);
                value.map(|it| inside.strings(key, it)).transpose()
            };
            let mut severity = Vec::new();
            inside.add_severities(&mut severity)?;
            let level = table.get("level");
            let confidence = table.get("confidence");
            to.push(Sourced {
                value: Override {
                    files: inside.patterns("files", files)?,
                    select: list("select")?,
                    ignore: list("ignore")?.unwrap_or_default(),
                    level: level
                        .map(|it| inside.word("level", it, Level::WORDS))
                        .transpose()?,
                    confidence: confidence
                        .map(|it| inside.word("confidence", it, Confidence::WORDS))
                        .transpose()?,
                    severity: severity
                        .into_iter()
                        .map(|(rule, level)| (rule, level.value))
                        .collect(),
                },
                from: self.file.source(&entry.span()),
            });
        }
        Ok(())
    }

    /// The rows of an array of tables.
    fn rows(&self, key: &str) -> Result<Vec<&Spanned<DeValue<'_>>>, ConfigError> {
        let Some(value) = self.table.get(key) else {
            return Ok(Vec::new());
        };
        let rows = value
            .get_ref()
            .as_array()
            .ok_or_else(|| self.wrong(key, value))?;
        Ok(rows.iter().collect())
    }

    fn add_rows(
        &self,
        key: &str,
        mut add: impl FnMut(Sourced<toml::Table>),
    ) -> Result<(), ConfigError> {
        for entry in self.rows(key)? {
            match plain(entry.get_ref()) {
                toml::Value::Table(table) => add(Sourced {
                    value: table,
                    from: self.file.source(&entry.span()),
                }),
                _ => return Err(self.wrong(key, entry)),
            }
        }
        Ok(())
    }

    /// The entries of a table, in the order of the file.
    fn entries(&self, key: &str) -> Result<Vec<Entry<'_, '_>>, ConfigError> {
        let Some(value) = self.table.get(key) else {
            return Ok(Vec::new());
        };
        let table = value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong(key, value))?;
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Ok(entries)
    }

    fn strings(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, ConfigError> {
        let list = value
            .get_ref()
            .as_array()
            .ok_or_else(|| self.wrong(key, value))?;
        list.iter()
            .map(|it| match it.get_ref().as_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(self.wrong(key, it)),
            })
            .collect()
    }

    fn patterns(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<Pattern>, ConfigError> {
        let list = value
            .get_ref()
            .as_array()
            .ok_or_else(|| self.wrong(key, value))?;
        list.iter()
            .map(|it| match it.get_ref().as_str() {
                Some(text) => self.file.pattern(text, &it.span()),
                None => Err(self.wrong(key, it)),
            })
            .collect()
    }

    fn word<T: FromStr>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        words: &[&str],
    ) -> Result<T, ConfigError> {
        let Some(text) = value.get_ref().as_str() else {
            return Err(self.wrong(key, value));
        };
        text.parse().map_err(|_| {
            let mut error = self.wrong(key, value);
            error.message = format!("{}, not \"{text}\"", error.message);
            error.hint =
                nearest(text, words.iter().copied()).map(|it| format!("did you mean \"{it}\"?"));
            error
        })
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>) -> ConfigError {
        let top = key.split('.').next().unwrap_or(key);
        let all = KEYS.iter().chain(OVERRIDE_KEYS);
        let takes = if top == key {
            all.into_iter().find(|it| it.name == top).map(|it| it.takes)
        } else {
            Some(Takes::Word(Level::WORDS))
        };
        let takes = takes.map_or_else(String::new, Takes::text);
        self.file.wrong(key, &takes, value)
    }
}

type Entry<'a, 'i> = (
    &'a Spanned<std::borrow::Cow<'i, str>>,
    &'a Spanned<DeValue<'i>>,
);

fn integer(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    let number = value.get_ref().as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The value without its places.
fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(it) => i64::from_str_radix(it.as_str(), it.radix()).map_or_else(
            |_| toml::Value::String(it.as_str().to_owned()),
            toml::Value::Integer,
        ),
        DeValue::Float(it) => it.as_str().parse().map_or_else(
            |_| toml::Value::String(it.as_str().to_owned()),
            toml::Value::Float,
        ),
        DeValue::Boolean(it) => toml::Value::Boolean(*it),
        DeValue::Datetime(it) => toml::Value::Datetime(*it),
        DeValue::Array(list) => {
            toml::Value::Array(list.iter().map(|it| plain(it.get_ref())).collect())
        }
        DeValue::Table(table) => toml::Value::Table(
            table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref())))
                .collect(),
        ),
    }
}

/// A settings file.
#[derive(Clone)]
struct TextFile {
    path: Arc<Path>,
    text: String,
    lines: LineIndex,
}

impl TextFile {
    fn new(path: &Path, text: String) -> Self {
        Self {
            path: Arc::from(path),
            lines: LineIndex::new(&text),
            text,
        }
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let fail = |message: String| ConfigError {
            path: path.to_owned(),
            at: None,
            message,
            hint: None,
        };
        let meta = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => fail("no such file".into()),
            _ => fail(error.to_string().to_lowercase()),
        })?;
        if !meta.is_file() {
            return Err(fail("not a regular file".into()));
        }
        if meta.len() > MAX_FILE {
            return Err(fail("longer than 1 MiB".into()));
        }
        let bytes = fs::read(path).map_err(|error| fail(error.to_string().to_lowercase()))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                Err(fail(format!("not valid utf-8 at byte {offset}")))
            }
        }
    }

    fn is_pyproject(&self) -> bool {
        self.path.ends_with(PYPROJECT)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn source(&self, span: &Range<usize>) -> Source {
        Source::File {
            path: Arc::clone(&self.path),
            line: self.lines.line(span.start as u32),
        }
    }

    fn error(
        &self,
        span: Option<Range<usize>>,
        message: String,
        hint: Option<String>,
    ) -> ConfigError {
        ConfigError {
            path: self.path.to_path_buf(),
            at: span.map(|it| self.lines.line_col(&self.text, it.start as u32)),
            message,
            hint,
        }
    }

    fn wrong(&self, key: &str, takes: &str, value: &Spanned<DeValue<'_>>) -> ConfigError {
        let message = match value.get_ref() {
            DeValue::String(_) => format!("`{key}` takes {takes}"),
            other => format!("`{key}` takes {takes}, not {}", kind(other)),
        };
        self.error(Some(value.span()), message, None)
    }

    fn pattern(&self, glob: &str, span: &Range<usize>) -> Result<Pattern, ConfigError> {
        let checked = GlobBuilder::new(glob).literal_separator(true).build();
        match checked {
            Ok(_) if !glob.trim_matches(['.', '/']).is_empty() => Ok(Pattern {
                glob: glob.to_owned(),
                base: self.folder().to_owned(),
            }),
            Ok(_) => Err(self.error(
                Some(span.clone()),
                format!("`{glob}` matches no file"),
                None,
            )),
            Err(error) => Err(self.error(
                Some(span.clone()),
                format!("`{glob}` is not a glob: {}", error.kind()),
                None,
            )),
        }
    }

    /// A path in the file's project, relative to the file.
    fn path_of(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<PathBuf, ConfigError> {
        let Some(text) = value.get_ref().as_str().filter(|it| !it.is_empty()) else {
            return Err(self.wrong(key, "a path", value));
        };
        let folder = fs::canonicalize(match self.folder() {
            it if it.as_os_str().is_empty() => Path::new("."),
            it => it,
        });
        let folder = folder.unwrap_or_else(|_| self.folder().to_owned());
        let project = folder
            .ancestors()
            .find(|it| it.join(".git").exists())
            .unwrap_or(&folder);
        let path = fs::canonicalize(folder.join(text)).unwrap_or_else(|_| flat(&folder, text));
        if path.starts_with(project) && path != project {
            return Ok(path);
        }
        let message = format!("`{key}` names a path outside of the project: {text}");
        let hint = format!("the project is {}", project.display());
        Err(self.error(Some(value.span()), message, Some(hint)))
    }
}

/// `folder/text` without `.` and `..`, for a path that need not exist.
fn flat(folder: &Path, text: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in Path::new(text).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    // What exists of it may be a link.
    let exists = path.ancestors().find_map(|it| {
        let real = fs::canonicalize(it).ok()?;
        Some(real.join(path.strip_prefix(it).ok()?))
    });
    exists.unwrap_or(path)
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "this number",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
