//! Why the command ends: what is wrong, where, and what to do next.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use plusminus::{Error, SyntaxError};
use plusminus_display::Paint;

/// Characters of a source line that are kept on both sides of the marked place.
const SHOWN_CHARACTERS: usize = 400;

/// Why the command ends, with its exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    message: Message,
    /// The file of statements that the failure is in, and the line of its statement.
    file: Option<(String, usize)>,
    exit_code: u8,
}

#[derive(Debug)]
enum Message {
    /// The next step is in the last line.
    Text(String),
    /// A place in a statement.
    Place(Box<SyntaxError>),
}

impl Failure {
    fn new(text: String, exit_code: u8) -> Self {
        Self { message: Message::Text(text), file: None, exit_code }
    }

    /// The command line is wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(format!("{}\nTry: plusminus --help", what.into()), 2)
    }

    /// A variable of the environment is wrong.
    pub(crate) fn setting(what: impl std::fmt::Display, next: impl std::fmt::Display) -> Self {
        Self::new(format!("{what}\nTry: {next}"), 2)
    }

    /// A command of the shell is wrong; the message has a next step.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self::new(message.into(), 1)
    }

    /// Not possible yet.
    pub(crate) fn unsupported(what: &str, next: &str) -> Self {
        Self::new(format!("{what}\nTry: {next}"), 1)
    }

    /// A file or stream failed.
    pub(crate) fn io(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self::new(format!("{what}: {error}\nTry: check that the path exists and is writable"), 1)
    }

    /// A task died.
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        let what = what.into();
        Self::new(format!("a worker ended unexpectedly: {what}\nTry: report this with the statement that led here"), 1)
    }

    /// The failure in a text that `lines` lines of a script precede.
    pub(crate) fn after_lines(mut self, lines: usize) -> Self {
        if let Message::Place(error) = &mut self.message {
            error.location.line += lines;
        }
        self
    }

    /// The failure with the whole line of the text that it is in.
    pub(crate) fn with_lines_of(mut self, text: &str) -> Self {
        if let Message::Place(error) = &mut self.message
            && let Some(line) = text.lines().nth(error.location.line - 1)
        {
            line.clone_into(&mut error.source_line);
        }
        self
    }

    /// The failure of a statement that begins in a line of a file.
    pub(crate) fn in_file(mut self, file: &str, line: usize) -> Self {
        self.file.get_or_insert_with(|| (file.to_owned(), line));
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Writes the failure to stderr.
    pub(crate) fn print(&self, paint: Paint) {
        eprintln!("{}", self.shown(paint));
    }

    fn shown(&self, paint: Paint) -> String {
        let text = match &self.message {
            Message::Text(text) => text,
            Message::Place(error) => return marked(error, self.file.as_ref().map(|(file, _)| file.as_str()), paint),
        };
        let (what, next) = text.split_once('\n').unwrap_or((text, ""));
        let file = self.file.as_ref().map(|(file, line)| format!("\n  --> {file}:{line}")).unwrap_or_default();
        let next = if next.is_empty() { String::new() } else { format!("\n{next}") };
        format!("{} {what}{file}{next}", paint.bad("error:"))
    }
}

/// The line of a statement with its faulty part underlined, in the form that compilers use.
fn marked(error: &SyntaxError, file: Option<&str>, paint: Paint) -> String {
    let line: Vec<char> = error.source_line.chars().collect();
    let at = (error.location.column - 1).min(line.len());
    let (first, last) = (at.saturating_sub(SHOWN_CHARACTERS), (at + SHOWN_CHARACTERS).min(line.len()));
    let bytes = |from: usize, to: usize| line[from..to].iter().map(|c| c.len_utf8()).sum::<usize>();
    let start = bytes(first, at);
    let end = start + bytes(at, (at + error.length).min(last).max(at));
    let source: String = line[first..last].iter().collect();
    let snippet = Snippet::source(source)
        .line_start(error.location.line)
        .path(file)
        .annotation(AnnotationKind::Primary.span(start..end));
    let group = Level::ERROR.primary_title(&error.what).element(snippet);
    let group = group.element(Level::HELP.with_name(Some("Try")).message(&error.next));
    let renderer = if paint == Paint::OFF { Renderer::plain() } else { Renderer::styled() };
    let width = terminal_size::terminal_size_of(std::io::stderr()).map_or(120, |(width, _)| usize::from(width.0));
    renderer.term_width(width.max(40)).render(&[group])
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit_code = error.exit_code();
        match error {
            Error::Syntax(error) | Error::InStatement(error) => {
                Self { message: Message::Place(Box::new(error)), file: None, exit_code }
            }
            other => Self::new(other.to_string(), exit_code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source_line: &str, column: usize, length: usize) -> Failure {
        let location = plusminus::Location { offset: 0, line: 3, column };
        let (what, next) = ("there is no column named 'dealy'".to_owned(), "did you mean 'delay'?".to_owned());
        let error = SyntaxError { what, location, length, next, source_line: source_line.to_owned() };
        Error::InStatement(error).into()
    }

    #[test]
    fn the_faulty_part_is_underlined() {
        let text = place("SELECT dealy FROM t", 8, 5).after_lines(4).in_file("a.sql", 1).shown(Paint::OFF);
        assert_eq!(
            text,
            "error: there is no column named 'dealy'\n --> a.sql:7:8\n  |\n7 | SELECT dealy FROM t\n  |        ^^^^^\n  |\n  = Try: did you mean 'delay'?"
        );
    }

    #[test]
    fn long_lines_and_places_at_their_end_are_shown() {
        let long = format!("SELECT {} FROM t", "x, ".repeat(10_000));
        let text = place(&long, 20_000, 5).shown(Paint::OFF);
        assert!(text.lines().count() <= 10 && text.lines().all(|line| line.chars().count() < 200), "{text}");
        assert!(place("SELECT", 7, 1).shown(Paint::OFF).contains("^"));
        assert!(place("", 1, 1).shown(Paint::OFF).contains("Try: did you mean"));
        assert!(place("SELECT 'ü€'", 8, 40).shown(Paint::OFF).contains("^^^^"));
    }

    #[test]
    fn failures_without_a_place_name_the_statement() {
        let text = Failure::plain("out of memory\nTry: --memory 8GiB").in_file("a.sql", 12).shown(Paint::OFF);
        assert_eq!(text, "error: out of memory\n  --> a.sql:12\nTry: --memory 8GiB");
    }
}
