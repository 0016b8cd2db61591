use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder to run in, with `trips.csv`: 3 regions, 6,000 rows.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::from("region,miles,driver\n");
    for i in 0_u64..6_000 {
        let region = ["east", "west", "north"][usize::try_from(i % 3).unwrap()];
        rows.push_str(&format!("{region},{},{}\n", (i.wrapping_mul(2_654_435_761) >> 7) % 100, i % 700));
    }
    std::fs::write(folder.path().join("trips.csv"), rows).unwrap();
    folder
}

/// The command in `folder`, with nothing of the caller's environment that it would heed.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plusminus"));
    command.current_dir(folder).env_remove("PLUSMINUS_STORE").env("XDG_CONFIG_HOME", folder.join("config"));
    command
}

/// Runs the command to its end.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder).args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

/// Standard output of a run that must succeed.
pub(crate) fn stdout(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit status and standard error.
pub(crate) fn failure(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = run(folder, args);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}
