//! `heaplint cache`: what earlier runs kept.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cache;
use crate::discover;
use crate::pipeline::CacheChoice;

pub(super) fn clean(folder: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let folder = match folder {
        Some(folder) => folder,
        None => CacheChoice::Project
            .folder(&discover::project_here()?)
            .unwrap_or_default(),
    };
    let packs =
        cache::clean(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    anstream::eprintln!("{packs} cache files removed");
    Ok(ExitCode::SUCCESS)
}
