//! Colours of the terminal, where there are any.

/// Whether and how text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// Text as it is.
    pub const OFF: Self = Self { is_on: false };

    #[must_use]
    /// Colours where `is_on`.
    pub fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    /// Headings.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Details: NULL, intervals that are not to be trusted, details.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// A bound that is met.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// A bound that was missed, or an error.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Select Graphic Rendition of ECMA-48, section 8.3.117.
    fn with(self, code: &str, text: &str) -> String {
        if self.is_on && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
