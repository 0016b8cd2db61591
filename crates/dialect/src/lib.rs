//! Splits PlusMinus SQL into plain SQL and bounds on error and time.
//!
//! PlusMinus takes everything DataFusion takes, plus bounds at the end of a query and a handful
//! of statements about samples. This crate reads that text. It knows no table and no column, it
//! plans nothing and it does not depend on DataFusion.
//!
//! ```
//! use plusminus_dialect::{StatementKind, parse_statement};
//!
//! let statement = parse_statement(
//!     "SELECT os, COUNT(*) FROM sessions GROUP BY os ERROR WITHIN 10% AT CONFIDENCE 95%",
//! )?;
//! let StatementKind::Sql(sql) = statement.kind else { unreachable!() };
//! assert_eq!(sql.head, "SELECT os, COUNT(*) FROM sessions GROUP BY os");
//! assert_eq!(sql.bounds.confidence_level(), Some(0.95));
//! assert_eq!(sql.bounds.error.unwrap().relative_fraction(), Some(0.1));
//! # Ok::<(), plusminus_dialect::SyntaxError>(())
//! ```
//!
//! # How a text is read
//!
//! ```text
//! text ──▶ tokens with places ──▶ statements at ; ──▶ caps ──▶ ours: CreateSample, Setting, …
//!                                                          └─▶ SQL: head │ bounds
//!                                                                   │      ERROR WITHIN 10% AT CONFIDENCE 95%
//!                                                                   SELECT … (for DataFusion, as it was written)
//! ```
//!
//! 1. It is cut into tokens once; every token keeps its place, so every error has a caret.
//! 2. Statements are split at `;`.
//! 3. [Caps](SyntaxError) on length, nesting and chains are checked in one pass, before anything
//!    recursive sees the text.
//! 4. The first words separate our own statements ([`CreateSample`], [`Setting`], …) from all others.
//! 5. The longest suffix of a query, outside parentheses, that is nothing but bounds becomes
//!    [`Bounds`]; the text before it is left as it was written.
//!
//! No word becomes reserved. `error`, `within` and `confidence` remain good names for columns,
//! aliases and tables: `ORDER BY error WITHIN 5 SECONDS` orders by a column. Something that looks
//! like a bound in the wrong place is an error only when the SQL around it is none either.

mod bounds;
mod copy;
mod cursor;
mod error;
mod limits;
mod locate;
mod placeholders;
mod plain;
mod powers;
mod sample;
mod setting;
mod source;
mod statement;
mod suggest;

pub use bounds::{Amount, Bounds, ErrorBound, OnMiss, TimeBound, TimeUnit};
pub use copy::{CopyStatement, CopyTarget, parse_copy};
pub use error::{Location, SyntaxError};
pub use locate::{error_at, error_at_name, parser_error};
pub use placeholders::with_placeholders_replaced;
pub use powers::with_powers_as_calls;
pub use sample::{CreateSample, CreateSamples, Design, SampleOptions, SampleSize};
pub use setting::{Setting, SettingName};
pub use statement::{BoundedSql, Explain, SqlClass, Statement, StatementKind, parse_script, parse_statement};
pub use suggest::nearest;
