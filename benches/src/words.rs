//! How a query is asked again: what may be left of the times before.

/// Three ways to ask for the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// With another name for the table and a new comment: everything is planned.
    NewForm,
    /// With a new comment alone: its plan is that of the form, as with other literals in WHERE.
    New,
    /// To the letter.
    Same,
}

impl Words {
    /// `sql`, which is asked for the `number`-th time.
    pub(crate) fn text(self, sql: &str, number: u128) -> String {
        let commented = || sql.replacen("SELECT", &format!("SELECT /* {number} */"), 1);
        match self {
            Self::Same => sql.to_owned(),
            Self::New => commented(),
            Self::NewForm => renamed(&commented(), number),
        }
    }
}

/// The same with another name for the first table.
fn renamed(sql: &str, number: u128) -> String {
    const FROM: &str = " FROM ";
    let Some(from) = sql.find(FROM).map(|at| at + FROM.len()) else { return sql.to_owned() };
    let end = sql[from..].find(' ').map_or(sql.len(), |length| from + length);
    format!("{} AS t{number}{}", &sql[..end], &sql[end..])
}
