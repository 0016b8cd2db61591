//! The shell: statements end with `;`, a few commands begin with a backslash.

use crate::args::Cli;
use crate::failure::Failure;
use crate::output::Output;
use plusminus::Session;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use std::io::IsTerminal;
use std::path::PathBuf;

const HELP: &str = "Statements end with ;   for example
  SELECT os, COUNT(*) FROM sessions GROUP BY os ERROR WITHIN 5%;
  CREATE SAMPLE by_os ON sessions STRATIFIED BY (os) SIZE 1 %;
Commands: \\d tables   \\s samples   \\? this help   \\q leave
Ctrl-C takes the best answer so far, twice gives it up; at the prompt it clears the line. Ctrl-D leaves.";

pub(crate) async fn run(cli: &Cli) -> Result<(), Failure> {
    let store = cli.global.store_folder();
    let session = super::open(&cli.global, store.clone()).await?;
    let mut output = Output::open(&cli.global)?;
    if !std::io::stdin().is_terminal() {
        let text = std::io::read_to_string(std::io::stdin()).map_err(|e| Failure::io("stdin", e))?;
        return match super::query::statements(&session, &text, &mut output).await? {
            true => Err(plusminus::Error::Interrupted.into()),
            false => Ok(()),
        };
    }
    if !cli.global.quiet {
        eprintln!("PlusMinus {} on store {} (\\? for help)", env!("CARGO_PKG_VERSION"), store.display());
    }
    initialise(&session, &mut output).await?;
    converse(&session, &mut output).await
}

/// Runs `init.sql` of the configuration folder, if there is one.
async fn initialise(session: &Session, output: &mut Output) -> Result<(), Failure> {
    let Some(file) = configuration("init.sql").filter(|f| f.exists()) else { return Ok(()) };
    let text = std::fs::read_to_string(&file).map_err(|e| Failure::io(file.display(), e))?;
    super::query::statements(session, &text, output).await.map(|_| ())
}

async fn converse(session: &Session, output: &mut Output) -> Result<(), Failure> {
    let mut editor = DefaultEditor::new().map_err(|e| Failure::io("terminal", e))?;
    let history = configuration("history.txt");
    if let Some(history) = &history {
        // A shell without a history is still a shell.
        let _ = editor.load_history(history);
    }
    let mut pending = String::new();
    loop {
        let prompt = if pending.is_empty() { "plusminus> " } else { "       ... " };
        match tokio::task::block_in_place(|| editor.readline(prompt)) {
            Ok(line) => {
                if pending.is_empty() && matches!(line.trim(), "\\q" | "exit" | "quit") {
                    break;
                }
                pending.push_str(&line);
                pending.push('\n');
                if is_complete(&pending) {
                    let text = std::mem::take(&mut pending);
                    let _ = editor.add_history_entry(text.trim());
                    entered(session, text.trim(), output).await;
                }
            }
            Err(ReadlineError::Interrupted) => pending.clear(),
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(Failure::io("terminal", error)),
        }
    }
    if let Some(history) = &history {
        save_history(&mut editor, history);
    }
    Ok(())
}

fn is_complete(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('\\') || text.ends_with(';')
}

/// Runs what was entered; errors are shown and the shell goes on.
async fn entered(session: &Session, text: &str, output: &mut Output) {
    let statement = match text {
        "" => return,
        "\\?" | "\\h" => return eprintln!("{HELP}"),
        "\\d" => "SHOW TABLES",
        "\\s" => "SHOW SAMPLES",
        other if other.starts_with('\\') => return eprintln!("error: there is no command {other}\nTry: \\?"),
        other => other,
    };
    if let Err(failure) = super::query::statements(session, statement, output).await {
        failure.print();
    }
}

/// A file in the user's configuration folder.
fn configuration(file: &str) -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let base = base.or_else(|| std::env::var_os("APPDATA").map(PathBuf::from));
    let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(base.join("plusminus").join(file))
}

fn save_history(editor: &mut DefaultEditor, history: &PathBuf) {
    if let Some(folder) = history.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    if let Err(error) = editor.save_history(history) {
        eprintln!("note: the history could not be saved: {error}");
    }
}
