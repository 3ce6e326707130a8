//! What users teach: rows of the same form as those of `rules/models/`, in their settings.
//!
//! A row counts before the shipped ones. Its names may be of a library or of the program itself.

use rustc_hash::FxHashSet;

use super::{ModelError, Models, NodeId};

/// A row, and where it was written.
#[derive(Clone, Debug)]
pub struct Lesson<'a> {
    /// The table that it belongs to: `api`, `registry`, `type` …
    pub form: &'a str,
    /// The row.
    pub row: &'a toml::Table,
    /// The file and line.
    pub from: String,
}

impl Models {
    /// The tables that heaplint ships, and these rows before them.
    ///
    /// # Errors
    /// The first row that is not well-formed.
    pub fn taught(lessons: &[Lesson<'_>]) -> Result<Self, ModelError> {
        let mut models = Self::tables()?;
        let mut names = Vec::new();
        for lesson in lessons {
            let error = |message: String| ModelError {
                table: lesson.from.clone(),
                message: format!("`{}`: {}", lesson.form, message.trim()),
            };
            match lesson.form {
                "api" => models.resources.teach(lesson.row).map_err(error)?,
                "registry" | "role" => models
                    .registries
                    .teach(&mut models.names, lesson.form, lesson.row)
                    .map_err(error)?,
                form => models.teach_row(form, lesson.row).map_err(error)?,
            }
            names.extend(names_of(lesson.row));
        }
        for name in models.resources.names() {
            models.names.add(&name);
        }
        let mut taught: Vec<NodeId> = names.iter().map(|it| models.names.add(it)).collect();
        taught.sort_unstable();
        taught.dedup();
        models.taught = taught;
        models.taught_openers = lessons
            .iter()
            .filter(|it| it.row.contains_key("opens"))
            .flat_map(|it| names_of(it.row))
            .map(|it| it.rsplit('.').next().unwrap_or(&it).to_owned())
            .collect();
        Ok(models)
    }

    /// Last names of what users say opens something.
    #[must_use]
    pub fn taught_openers(&self) -> &FxHashSet<String> {
        &self.taught_openers
    }

    /// The names that users teach something of.
    #[must_use]
    pub fn taught_names(&self) -> &[NodeId] {
        &self.taught
    }
}

/// The dotted names that a row is about.
fn names_of(row: &toml::Table) -> Vec<String> {
    let listed = ["name", "names", "bases"]
        .iter()
        .filter_map(|it| row.get(*it));
    let texts = listed.flat_map(|it| match it {
        toml::Value::Array(list) => list.iter().filter_map(|it| it.as_str()).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    });
    texts
        .filter(|it| it.contains('.'))
        .map(str::to_owned)
        .collect()
}
