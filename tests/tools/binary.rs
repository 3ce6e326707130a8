//! The binary as a test runs it: in a folder of its own, without what the environment says of colours.
#![allow(dead_code, reason = "each test uses some of these")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a run gave.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A folder of its own with these files.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::with_prefix("heaplint").expect("a temporary folder");
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

/// Writes a file, and the folders that it is in.
pub fn write(at: &Path, path: &str, text: &str) {
    let at = at.join(path);
    fs::create_dir_all(at.parent().expect("below the folder")).expect("a folder");
    fs::write(at, text).expect("a file");
}

/// The binary with these arguments, in a folder.
pub fn command(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heaplint"));
    command
        .args(args)
        .current_dir(at)
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE");
    command
}

pub fn heaplint(at: &Path, args: &[&str]) -> Run {
    run(command(at, args), "")
}

/// Runs a command with this on its standard input.
pub fn run(mut command: Command, input: &str) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it was piped");
    stdin.write_all(input.as_bytes()).unwrap_or_default();
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("output is text"),
        err: String::from_utf8(output.stderr).expect("messages are text"),
    }
}

/// What is found in a program, as `file:line code`.
pub fn found(files: &[(&str, &str)]) -> Vec<String> {
    let at = folder(files);
    let run = heaplint(at.path(), &["check", "-o", "json", "--quiet", "."]);
    let json: serde_json::Value =
        serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}", run.err));
    let findings = json["findings"].as_array().expect("a list");
    findings
        .iter()
        .map(|it| {
            let path = it["location"]["path"].as_str().expect("a path");
            let line = &it["location"]["start"]["line"];
            let code = it["code"].as_str().expect("a code");
            format!("{path}:{line} {code}")
        })
        .collect()
}
