//! Colours for what is typed.

use super::lexer::{Kind, is_command, tokens};
use super::words::is_keyword;
use reedline::{Color, Highlighter, StyledText};

/// Colours keywords, texts, numbers and comments.
pub(crate) struct SqlHighlighter;

impl Highlighter for SqlHighlighter {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let mut styled = StyledText::new();
        let plain = Color::Default.normal();
        if is_command(line.trim_start()) {
            styled.push((Color::Purple.normal(), line.to_owned()));
            return styled;
        }
        for token in tokens(line) {
            let text = &line[token.range];
            let style = match token.kind {
                Kind::Word if is_keyword(text) => Color::Blue.bold(),
                Kind::Text => Color::Green.normal(),
                Kind::Number | Kind::Parameter => Color::Cyan.normal(),
                Kind::Comment => Color::DarkGray.normal(),
                Kind::Word | Kind::Name | Kind::Symbol | Kind::Space => plain,
            };
            styled.push((style, text.to_owned()));
        }
        styled
    }
}
