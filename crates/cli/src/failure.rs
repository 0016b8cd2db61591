use plusminus::Error;

/// Why the command ends, with its exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    exit_code: u8,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { message: format!("{}\nTry: plusminus --help", what.into()), exit_code: 2 }
    }

    /// A variable of the environment is wrong.
    pub(crate) fn setting(what: impl std::fmt::Display, next: impl std::fmt::Display) -> Self {
        Self { message: format!("{what}\nTry: {next}"), exit_code: 2 }
    }

    /// A command of the shell is wrong; the message has a next step.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 1 }
    }

    /// Not possible yet.
    pub(crate) fn unsupported(what: &str, next: &str) -> Self {
        Self { message: format!("{what}\nTry: {next}"), exit_code: 1 }
    }

    /// A file or stream failed.
    pub(crate) fn io(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self { message: format!("{what}: {error}\nTry: check that the path exists and is writable"), exit_code: 1 }
    }

    /// A task died.
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self {
            message: format!("internal error: {}\nTry: report this with the statement that led here", what.into()),
            exit_code: 1,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    pub(crate) fn print(&self) {
        eprintln!("error: {}", self.message);
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit_code: error.exit_code(), message: error.to_string() }
    }
}
