//! Refuses sampling written into a query, which DataFusion would silently ignore.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use crate::error::SyntaxError;
use crate::source::Source;

/// Words after which the list of relations is over.
const AFTER_RELATIONS: &[&str] = &[
    "SELECT",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "ON",
    "USING",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "WINDOW",
    "QUALIFY",
    "SET",
    "VALUES",
];

/// Words after which a relation's name or alias stands, whatever it is called.
const BEFORE_NAME: &[&str] = &["FROM", "JOIN", "AS", "LATERAL", "ONLY", "TABLE", "APPLY"];

/// Fails at the first `TABLESAMPLE` or `SAMPLE` behind a relation.
pub(super) fn refuse(source: &Source<'_>, range: Range<usize>) -> Result<(), SyntaxError> {
    // Whether each open parenthesis, and the statement itself, stands among relations.
    let mut among_relations = vec![false];
    for at in range.clone() {
        match source.token(at) {
            Token::LParen => {
                // `FROM (a JOIN b)` stays among relations, the arguments of a function do not.
                let among = among_relations.last().copied().unwrap_or_default();
                let listed = matches!(source.token(at.wrapping_sub(1)), Token::Comma | Token::LParen);
                let named = source.is_any_word(at.wrapping_sub(1), &["FROM", "JOIN"]);
                among_relations.push(named || (among && listed));
            }
            Token::RParen => {
                among_relations.pop();
            }
            // Nothing else may stand between USING and its parenthesis.
            Token::Word(_) if source.are_words(at, &["USING", "SAMPLE"]) => return Err(refusal(source, at + 1)),
            Token::Word(_) => {
                let among = among_relations.last().copied().unwrap_or_default();
                if among && at > range.start && samples(source, at) {
                    return Err(refusal(source, at));
                }
                if let Some(top) = among_relations.last_mut() {
                    *top =
                        source.is_any_word(at, &["FROM", "JOIN"]) || (*top && !source.is_any_word(at, AFTER_RELATIONS));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the word at `at` samples the relation before it.
fn samples(source: &Source<'_>, at: usize) -> bool {
    let behind_relation = match source.token(at - 1) {
        Token::Word(_) => !source.is_any_word(at - 1, BEFORE_NAME),
        Token::RParen | Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) => true,
        _ => false,
    };
    behind_relation && source.is_any_word(at, &["TABLESAMPLE", "SAMPLE"])
}

fn refusal(source: &Source<'_>, at: usize) -> SyntaxError {
    let what = format!("{} in a query is not supported", source.slice(at..at + 1).to_uppercase());
    let next = "CREATE SAMPLE name ON table SIZE 1 %, then a query that ends in ERROR WITHIN 10%; \
                a table alias of this name needs AS";
    source.error(at..at + 1, what, next)
}
