//! Reading the resource models of `rules/models/`.

use serde::{Deserialize, Deserializer, de};

use super::{Api, Effect, Resources, Since, Versions};
use crate::models::ModelError;

macro_rules! bundled {
    ($name:literal) => {
        (
            concat!("rules/models/", $name, ".toml"),
            include_str!(concat!("../../../rules/models/", $name, ".toml")),
        )
    };
}

/// The models that come with heaplint, as path and text.
pub const BUNDLED: &[(&str, &str)] = &[
    bundled!("stdlib_files"),
    bundled!("stdlib_net"),
    bundled!("stdlib_process"),
    bundled!("stdlib_temporary"),
    bundled!("stdlib_owners"),
    bundled!("databases"),
    bundled!("http_clients"),
    bundled!("data"),
    bundled!("calm"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    calm: Vec<Box<str>>,
    #[serde(default)]
    methods: Vec<Box<str>>,
    #[serde(default)]
    api: Vec<Api>,
}

pub(super) fn parse(files: &[(&str, &str)]) -> Result<Resources, ModelError> {
    let mut resources = Resources::default();
    for &(path, text) in files {
        let error = |message: String| ModelError {
            table: path.to_owned(),
            message,
        };
        let file: File = toml::from_str(text).map_err(|it| error(it.to_string()))?;
        resources.calm.extend(file.calm);
        resources.methods.extend(file.methods);
        for api in file.api {
            if let Some(what) = fault(&api) {
                let name = api.names.first().map_or("", |it| it);
                return Err(error(format!("`{name}` {what}")));
            }
            resources
                .add(api)
                .map_err(|name| error(format!("`{name}` has a second entry")))?;
        }
    }
    Ok(resources)
}

/// Reads one entry.
pub(super) fn row(row: &toml::Table) -> Result<Api, String> {
    let api: Api = row
        .clone()
        .try_into()
        .map_err(|it: toml::de::Error| it.message().to_owned())?;
    match fault(&api) {
        Some(what) => {
            let name = api.names.first().map_or("", |it| it);
            Err(format!("`{name}` {what}"))
        }
        None => Ok(api),
    }
}

/// What is wrong with an entry.
fn fault(api: &Api) -> Option<&'static str> {
    if api.names.is_empty() || api.names.iter().any(|it| !it.contains('.')) {
        return Some("needs a full dotted name");
    }
    if api.opens.is_some() != api.class.is_some() {
        return Some("needs both of `opens` and `class`, or neither");
    }
    if api.opens.is_none() && !(api.closers.is_empty() && api.fields.is_empty()) {
        return Some("opens nothing, so it has neither closers nor fields");
    }
    if api.arguments == Some(Effect::Transfer) {
        return Some("says what goes without saying: arguments are transferred");
    }
    None
}

pub(super) const fn yes() -> bool {
    true
}

/// `"x"` or `["x", "y"]`.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Box<str>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(Box<str>),
        Many(Vec<Box<str>>),
    }
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(it) => vec![it],
        OneOrMany::Many(them) => them,
    })
}

/// `{ "3.11" = "B" }`, ascending.
pub(super) fn versions<'de, D: Deserializer<'de>>(from: D) -> Result<Since, D::Error> {
    let mut versions = Vec::new();
    for (version, class) in Versions::deserialize(from)? {
        let parsed = version
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let Some(parsed) = parsed else {
            return Err(de::Error::custom("a version is written as \"3.11\""));
        };
        versions.push((parsed, class));
    }
    versions.sort_unstable_by_key(|(version, _)| *version);
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::resources::{Class, Kind};

    #[test]
    fn bundled_models_are_read() {
        let models = Resources::parse(BUNDLED).unwrap();
        let open = models.get("builtins.open").unwrap();
        assert_eq!(open.opens, Some(Kind::File));
        assert_eq!(open.class_at((3, 12)), Class::C);
        let sqlite = models.get("sqlite3.connect").unwrap();
        assert!(!sqlite.with_closes);
        assert_eq!(
            (sqlite.class_at((3, 10)), sqlite.class_at((3, 11))),
            (Class::D, Class::B)
        );
        assert_eq!(models.get("tempfile.mkstemp").unwrap().fields, [0]);
        assert!(models.named("makefile").next().is_some());
    }

    #[test]
    fn unknown_fields_and_second_entries_are_refused() {
        let error = |text| {
            Resources::parse(&[("a.toml", text)])
                .unwrap_err()
                .to_string()
        };
        assert!(error("[[api]]\nname = \"a.b\"\ncolor = 1").contains("unknown field `color`"));
        assert_eq!(
            error("[[api]]\nname = \"a.b\"\n[[api]]\nname = \"a.b\""),
            "a.toml: `a.b` has a second entry"
        );
        assert_eq!(
            error("[[api]]\nname = \"open\""),
            "a.toml: `open` needs a full dotted name"
        );
    }
}
