//! The shell: multi-line statements, completion, history, and commands.

mod actions;
pub(crate) mod commands;
mod complete;
mod highlight;
mod hint;
mod lexer;
mod runner;
pub(crate) mod variables;
mod words;

pub(crate) use runner::{Runner, ScriptStep};

use crate::failure::Failure;
use complete::{SharedNames, SqlCompleter};
use highlight::SqlHighlighter;
use plusminus_display::Paint;
use reedline::{
    ColumnarMenu, DefaultHinter, EditCommand, EditMode, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder,
    Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, ReedlineRawEvent, Signal,
    ValidationResult, Validator, default_emacs_keybindings,
};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

/// Entries of the history that are kept.
const HISTORY_MAX: usize = 10_000;
const MENU: &str = "completion";

/// Reads statements from the terminal until the user leaves.
pub(crate) async fn converse(runner: &mut Runner, has_color: bool) -> Result<(), Failure> {
    let names = SharedNames::default();
    let history = configuration("history.txt");
    let mut editor = editor(&names, history.as_ref(), has_color);
    runner.history = history;
    loop {
        let known = Arc::new(runner.session.names().await);
        *names.lock().unwrap_or_else(PoisonError::into_inner) = known;
        let line = tokio::task::block_in_place(|| editor.read_line(&SqlPrompt));
        match line.map_err(|e| Failure::io("terminal", e))? {
            Signal::Success(text) => match runner.entered(&text).await {
                Ok(ScriptStep::Quit) => return Ok(()),
                Ok(_) => {}
                Err(failure) => failure.print(Paint::new(has_color)),
            },
            Signal::CtrlD => return Ok(()),
            // Ctrl-C clears the line.
            _ => {}
        }
    }
}

/// Runs `init.sql` of the configuration folder, if there is one.
pub(crate) async fn initialise(runner: &mut Runner) -> Result<(), Failure> {
    let Some(file) = configuration("init.sql").filter(|f| f.exists()) else { return Ok(()) };
    let text = std::fs::read_to_string(&file).map_err(|e| Failure::io(file.display(), e))?;
    runner.script(&text, file.to_str()).await.map(|_| ())
}

fn editor(names: &SharedNames, history: Option<&PathBuf>, has_color: bool) -> Reedline {
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]),
    );
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, ReedlineEvent::Edit(vec![EditCommand::InsertNewline]));
    let menu = Box::new(ColumnarMenu::default().with_name(MENU).with_marker("> "));
    let editor = Reedline::create()
        .with_completer(Box::new(SqlCompleter { names: Arc::clone(names) }))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(menu))
        .with_edit_mode(Box::new(TypingClosesMenus(Emacs::new(keys))))
        .with_validator(Box::new(SqlValidator))
        .with_hinter(Box::new(DefaultHinter::default().with_style(reedline::Color::DarkGray.normal())))
        .with_ansi_colors(has_color)
        .with_buffer_editor(
            actions::editor(),
            std::env::temp_dir().join(format!("plusminus-{}.sql", std::process::id())),
        )
        .use_bracketed_paste(true);
    let editor = if has_color { editor.with_highlighter(Box::new(SqlHighlighter)) } else { editor };
    if let Some(file) = history {
        keep_private(file);
    }
    // A shell without a history is still a shell.
    match history.and_then(|file| FileBackedHistory::with_file(HISTORY_MAX, file.clone()).ok()) {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

/// Creates a file that only its owner reads, since statements may hold what others must not see; elsewhere than on Unix, and for a file
/// that cannot be created, this does nothing.
fn keep_private(file: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let _ = file.parent().map(std::fs::create_dir_all);
        let _ = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file);
        let _ = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// A file in the user's configuration folder.
fn configuration(file: &str) -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let base = base.or_else(|| std::env::var_os("APPDATA").map(PathBuf::from));
    let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(base.join("plusminus").join(file))
}

/// Enter ends what was entered only where it can be run.
struct SqlValidator;

impl Validator for SqlValidator {
    fn validate(&self, line: &str) -> ValidationResult {
        if lexer::is_complete(line) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

/// The keys of Emacs; a character that is no part of a name closes the menu, so that Enter runs the statement.
struct TypingClosesMenus(Emacs);

impl EditMode for TypingClosesMenus {
    fn parse_event(&mut self, event: ReedlineRawEvent) -> ReedlineEvent {
        let event = self.0.parse_event(event);
        let closes =
            |edit: &EditCommand| matches!(edit, EditCommand::InsertChar(c) if !c.is_alphanumeric() && *c != '_');
        match &event {
            ReedlineEvent::Edit(edits) if edits.iter().any(closes) => {
                ReedlineEvent::Multiple(vec![ReedlineEvent::Esc, event])
            }
            _ => event,
        }
    }

    fn edit_mode(&self) -> PromptEditMode {
        self.0.edit_mode()
    }
}

struct SqlPrompt;

impl Prompt for SqlPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("plusminus")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("       ... ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(history: {}) ", search.term))
    }
}
