//! The stand-in for operating systems on which nothing is watched.

use datafusion::catalog::TableProvider;
use plusminus_catalog::BaseFile;
use std::sync::Arc;
use std::time::Duration;

/// A watch; there are none here.
#[derive(Debug)]
pub(super) enum Watched {}

impl Watched {
    pub(super) fn begin(_: &[BaseFile], _: &Arc<dyn TableProvider>, _: Duration) -> Option<Self> {
        None
    }

    pub(super) fn is_of(&self, _: &[BaseFile], _: &Arc<dyn TableProvider>) -> bool {
        match *self {}
    }

    pub(super) fn since(&self) -> Duration {
        match *self {}
    }

    pub(super) fn go_on(&mut self, _: Duration) -> bool {
        match *self {}
    }

    pub(super) fn is_quiet(&self) -> bool {
        match *self {}
    }
}
