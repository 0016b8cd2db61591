//! The command as people run it.

mod formats;
mod killed;
mod readme;
mod support;
mod usage;
