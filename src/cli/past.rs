//! The files of a revision, as they were.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::git::Git;

/// The files of a revision, in a folder that goes with this value.
pub(super) struct Past {
    /// The root of the repository.
    top: PathBuf,
    folder: PathBuf,
}

impl Past {
    /// The repository of `folder` at a revision.
    pub(super) fn of(revision: &str, folder: &Path) -> anyhow::Result<Self> {
        let top = Git::of(folder).text(&["rev-parse", "--show-toplevel"]);
        let top = top.map_err(|it| it.error("no such file, and no repository to ask"))?;
        let top = PathBuf::from(top.trim_end_matches(['\n', '\r']));
        let top = top.canonicalize().unwrap_or(top);
        let name = format!("{revision}^{{commit}}");
        let asked = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ];
        let Ok(commit) = Git::of(&top).text(&asked) else {
            bail!("neither a file nor a revision");
        };
        let folder = std::env::temp_dir().join(format!("heaplint-{}", std::process::id()));
        private_folder(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let past = Self { top, folder };
        past.fill(commit.trim())?;
        Ok(past)
    }

    fn fill(&self, commit: &str) -> anyhow::Result<()> {
        let index = self.folder.join(".heaplint-index");
        let git = Git::with_index(&self.top, &index);
        let prefix = format!("--prefix={}/", self.folder.display());
        for args in [
            &["read-tree", commit][..],
            &["checkout-index", "--all", "--quiet", &prefix],
        ] {
            git.bytes(args)
                .map_err(|it| it.error(&format!("git {}", args[0])))?;
        }
        Ok(())
    }

    /// Where paths of today were then; those that were not there are left out.
    pub(super) fn paths(&self, today: &[PathBuf]) -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for path in today {
            let path = path.canonicalize()?;
            let inside = path
                .strip_prefix(&self.top)
                .map_err(std::io::Error::other)?;
            let then = self.folder.join(inside);
            if then.exists() {
                paths.push(then);
            }
        }
        Ok(paths)
    }
}

impl Drop for Past {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A new folder that others cannot look into.
fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}
