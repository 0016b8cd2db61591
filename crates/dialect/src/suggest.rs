//! Suggestions for misspelt names.

/// How alike two names must be, from 0 to 1, before one is suggested for the other.
const SIMILARITY_MIN: f64 = 0.75;

/// The candidate most like `name`, if any is alike enough to be worth a hint.
///
/// ```
/// let known = ["error", "within", "confidence"];
/// assert_eq!(plusminus_dialect::nearest("witin", known.into_iter()), Some("within"));
/// assert_eq!(plusminus_dialect::nearest("colour", known.into_iter()), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        // `max_by` would take the last of equals; the first is the one listed first.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, candidate)| candidate)
}

/// Whether a word is a keyword, given in upper case, but for one or two letters.
pub(crate) fn is_misspelt(word: &str, keyword: &str) -> bool {
    let word = word.to_uppercase();
    let most = if keyword.len() > 4 { 2 } else { 1 };
    word != keyword && word.len() > 2 && strsim::osa_distance(&word, keyword) <= most
}
