//! Columns of other tables beside sampled rows: which keys lead to them, and fetching them once.

mod declared;
mod extension;
mod facts;
mod fetch;
mod key_local;
mod scan;
mod shared_keys;

pub(crate) use declared::{DeclaredJoin, declared_join};
pub(crate) use facts::{Facts, KeyCheck, KeyLimits, check_key, subquery_of};
pub(crate) use fetch::{fetch_columns, lacking_tables, lacks_columns, predicted_fetch};
pub(crate) use key_local::KeyLocal;
pub(crate) use shared_keys::{SharedKeys, repeating};
