//! The command line, declared.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Finds memory and resource leaks in Python programs, and shows who holds what.
#[derive(Debug, Parser)]
#[command(name = "heaplint", version, about, long_about = None)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Analyse files and folders as one program (the default command)
    Check(Box<CheckArgs>),
    /// Draw the heap: who holds what, from the roots
    Heap(Box<HeapArgs>),
    /// Print who holds an object, and what it holds
    Why(Box<WhyArgs>),
    /// Print a rule's page; without a name, the list of rules
    Rule(RuleArgs),
    /// Collect the facts of a part of a program into a file
    Facts(Box<FactsArgs>),
    /// Analyse the program whose parts these files of facts are
    Link(Box<CheckArgs>),
    /// What earlier runs kept
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Accept what is found today, and report only what is new
    Baseline(BaselineCommand),
    /// Print what is in force, and where each value came from
    Settings(Box<SettingsArgs>),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

/// What every command that reads a program takes.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct ReadingArgs {
    /// Whether callers are all there: auto, application, library
    #[arg(long, value_name = "KIND")]
    pub(super) program: Option<String>,
    /// The parser: auto, rustpython, ruff
    #[arg(long, value_name = "PARSER")]
    pub(super) parser: Option<String>,
    /// Leave out paths that match this glob; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<String>,
    /// Read files that are ignored by .gitignore and .ignore too
    #[arg(long)]
    pub(super) no_respect_gitignore: bool,
    /// Use this settings file instead of the nearest
    #[arg(long, value_name = "FILE", conflicts_with = "isolated")]
    pub(super) settings: Option<PathBuf>,
    /// Use no settings file
    #[arg(long)]
    pub(super) isolated: bool,
    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

/// What every command that analyses takes.
#[derive(Debug, Default, ClapArgs)]
pub(super) struct AnalysisArgs {
    /// Do not report what this file knows; `heaplint baseline write` makes it
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// Run only these rules: codes, families (HL1) or names, separated by commas
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub(super) select: Vec<String>,
    /// Do not run these rules
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub(super) ignore: Vec<String>,
    /// Show findings from this severity on: error, warning, info
    #[arg(long, value_name = "SEVERITY")]
    pub(super) level: Option<String>,
    /// Show findings from this confidence on: high, medium, low
    #[arg(long, value_name = "CONFIDENCE")]
    pub(super) confidence: Option<String>,
    /// The Python that the program runs on: 3.11, pypy3.10
    #[arg(long, value_name = "VERSION")]
    pub(super) target_version: Option<String>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
    /// Read nothing of earlier runs, and keep nothing for later ones
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Where to keep what is found out for later runs [default: .heaplint_cache in the project's root]
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_cache")]
    pub(super) cache_dir: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct CheckArgs {
    /// Files and folders of the program [default: the current folder]; of `link`, files that `facts` wrote
    pub(super) paths: Vec<PathBuf>,
    /// Read this file's text from standard input, as part of its project, and report on it alone
    #[arg(long, value_name = "FILE", conflicts_with_all = ["watch", "diff", "show_files"])]
    pub(super) stdin_filename: Option<PathBuf>,
    /// Write findings as FORMAT to PATH, or to standard output; may be given several times: full, concise, tree, html,
    /// json, jsonl, sarif, github, markdown, gitlab, junit, rdjson, rdjsonl, azure, checkstyle, pylint, sonar
    #[arg(long, short = 'o', value_name = "FORMAT[:PATH]")]
    pub(super) output: Vec<String>,
    #[command(flatten)]
    pub(super) analysis: AnalysisArgs,
    /// Report only what has to do with lines that changed since REV [default: HEAD], as git tells
    #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = "HEAD")]
    pub(super) diff: Option<String>,
    /// Check again after each change of a file, until it is stopped
    #[arg(long, conflicts_with_all = ["show_files", "diff", "fix", "preview_fix"])]
    pub(super) watch: bool,
    /// Exit with 1 from this severity on
    #[arg(long, value_name = "SEVERITY")]
    pub(super) fail_level: Option<String>,
    /// Exit with 0 even when there are findings
    #[arg(long)]
    pub(super) exit_zero: bool,
    /// Fix what can be fixed without changing what the program does, and report the rest
    #[arg(long)]
    pub(super) fix: bool,
    /// Print what `--fix` would change as a unified diff, and change nothing
    #[arg(long, conflicts_with = "fix")]
    pub(super) preview_fix: bool,
    /// With `--fix` or `--preview-fix`: also fixes after which somebody should look
    #[arg(long = "unsafe")]
    pub(super) with_unsafe: bool,
    /// Print the number of findings of each rule; without --output, instead of the findings
    #[arg(long)]
    pub(super) statistics: bool,
    /// Print the files that would be read, and stop
    #[arg(long)]
    pub(super) show_files: bool,
    /// Print findings only: no summary, no notices, no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// When to colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(super) ascii: bool,
    /// Print excerpts without blank lines
    #[arg(long)]
    pub(super) compact: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct FactsArgs {
    /// Files and folders of the part [default: the current folder]
    pub(super) paths: Vec<PathBuf>,
    /// The file to write
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
    /// Print nothing when all is well
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl FactsArgs {
    /// The same as arguments of any analysis.
    pub(super) fn analysis(&self) -> AnalysisArgs {
        AnalysisArgs {
            reading: self.reading.clone(),
            ..AnalysisArgs::default()
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum CacheCommand {
    /// Remove it
    Clean {
        /// Where it is [default: .heaplint_cache in the current project's root]
        #[arg(long, value_name = "FOLDER")]
        cache_dir: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum When {
    /// When standard output is a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RuleArgs {
    /// A rule's code or name
    pub(super) rule: Option<String>,
    /// Print as: text, json
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    pub(super) output: RuleFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum RuleFormat {
    /// For people
    Text,
    /// For scripts
    Json,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BaselineCommand {
    #[command(subcommand)]
    pub(super) action: BaselineAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum BaselineAction {
    /// Write all that is found as known
    Write(Box<BaselineArgs>),
    /// Take out what is fixed
    Prune(Box<BaselineArgs>),
}

#[derive(Debug, ClapArgs)]
pub(super) struct BaselineArgs {
    /// Files and folders of the program [default: the current folder]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) analysis: AnalysisArgs,
    /// Print nothing
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct CompletionsArgs {
    /// The shell
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub(super) struct SettingsArgs {
    /// The file or folder whose settings are meant [default: the current folder]
    pub(super) paths: Vec<PathBuf>,
    /// Print the JSON Schema of a settings file instead
    #[arg(long)]
    pub(super) schema: bool,
    /// Print as: text, json
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    pub(super) output: RuleFormat,
    #[command(flatten)]
    pub(super) analysis: AnalysisArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct HeapArgs {
    /// Files and folders of the program [default: the current folder]
    pub(super) paths: Vec<PathBuf>,
    /// Draw as FORMAT to PATH, or to standard output: html, svg, dot, mermaid, heapsnapshot, folded, json, with --compare
    /// text too; may be given several times [default: html:heaplint.html]
    #[arg(long, short = 'o', value_name = "FORMAT[:PATH]")]
    pub(super) output: Vec<String>,
    /// Draw around the objects that are called so, not around findings
    #[arg(long, value_name = "GLOB")]
    pub(super) focus: Option<String>,
    /// Follow what an object holds over so many steps [default: 6]
    #[arg(long, value_name = "N")]
    pub(super) depth: Option<u32>,
    /// Draw at most so many objects [default: 60]
    #[arg(long, value_name = "N")]
    pub(super) max_nodes: Option<usize>,
    /// Tell and draw only what is new since a revision, or since a file written by `-o json`; with a second such file as
    /// PATH nothing is analysed
    #[arg(long, value_name = "REV|FILE")]
    pub(super) compare: Option<String>,
    #[command(flatten)]
    pub(super) analysis: AnalysisArgs,
    /// Print nothing besides the drawing
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct WhyArgs {
    /// A name (`_CACHE`, `app.cache._CACHE`, `Session`), or a place in a file: FILE:LINE, NOTEBOOK:cell N:LINE
    pub(super) what: String,
    /// Files and folders of the program [default: the current folder]
    pub(super) paths: Vec<PathBuf>,
    /// Print as: text, json
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    pub(super) output: RuleFormat,
    #[command(flatten)]
    pub(super) analysis: AnalysisArgs,
    /// When to colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(super) ascii: bool,
}
