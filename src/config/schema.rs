//! The settings as a JSON Schema, for editors: made from the keys, so that it says what the reader accepts.

use serde_json::{Map, Value, json};

use super::Level;
use super::keys::{KEYS, Key, OVERRIDE_KEYS, Takes};

/// What rows that teach the model look like.
const ROWS: &str = include_str!("rows.schema.json");

/// The JSON Schema (draft 7) of a `heaplint.toml`, or of `[tool.heaplint]`.
///
/// # Panics
/// When a shipped text is no JSON, which a test rules out.
#[must_use]
pub fn schema() -> Value {
    let rows: Value = serde_json::from_str(ROWS).expect("a test reads it");
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://heaplint.dev/settings.schema.json",
        "title": "heaplint",
        "description": "Settings of heaplint: a `heaplint.toml`, or `[tool.heaplint]` of a `pyproject.toml`",
        "type": "object",
        "additionalProperties": false,
        "properties": properties(KEYS),
        "definitions": rows,
    })
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    let property = |key: &Key| {
        let mut value = of(key);
        if let Value::Object(map) = &mut value {
            map.insert("description".to_owned(), key.about.into());
        }
        (key.name.to_owned(), value)
    };
    keys.iter().map(property).collect()
}

fn of(key: &Key) -> Value {
    match key.takes {
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Word(words) => json!({ "enum": words }),
        Takes::Rules => rules(),
        Takes::Globs => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Takes::Path => json!({ "type": "string", "minLength": 1 }),
        Takes::Size => json!({
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^ *[0-9_]+ *([KkMmGg][Ii]?)?[Bb]? *$" },
            ]
        }),
        Takes::Threads => json!({ "type": "integer", "minimum": 0, "maximum": 1024 }),
        Takes::Version => json!({
            "type": "string",
            "pattern": "^ *([Cc]?[Pp]ython|[Pp]y|[Pp]y[Pp]y)?[- ]?3\\.?[0-9]{1,2} *$",
        }),
        Takes::RulesByGlob => json!({ "type": "object", "additionalProperties": rules() }),
        Takes::LevelByRule => json!({
            "type": "object",
            "propertyNames": { "pattern": RULE },
            "additionalProperties": { "enum": Level::WORDS },
        }),
        Takes::Overrides => json!({
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["files"],
                "properties": properties(OVERRIDE_KEYS),
            }
        }),
        Takes::Rows => json!({
            "type": "array",
            "items": { "$ref": format!("#/definitions/{}", key.name) },
        }),
    }
}

/// A code, a family, a name, or all.
const RULE: &str = "^([Aa][Ll][Ll]|[Hh][Ll][0-9]*|[a-z]+(-[a-z]+)*)$";

fn rules() -> Value {
    json!({ "type": "array", "items": { "type": "string", "pattern": RULE } })
}

#[cfg(test)]
mod tests {
    use super::super::keys::FORMS;
    use super::*;

    #[test]
    fn every_form_of_rows_is_described() {
        let schema = schema();
        for form in FORMS.iter().chain(&["api"]) {
            let row = &schema["definitions"][form];
            assert_eq!(row["additionalProperties"], false, "{form}");
            assert!(row["description"].is_string(), "{form}");
        }
    }
}
