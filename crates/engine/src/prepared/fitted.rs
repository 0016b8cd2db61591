use crate::choose::cumulative_rows;
use crate::error::Result;
use crate::kernel::{Compiled, Needs, StrataView};
use crate::knowledge::{ArgumentKnowledge, KnowledgeCache, Opened};
use crate::shape::Shape;
use arrow::datatypes::Schema;
use datafusion::execution::SessionState;
use plusminus_catalog::{Manifest, Strata};
use plusminus_statistics::Knowledge;
use std::sync::{Arc, OnceLock};

/// A query seen through one generation of a sample.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) view: Arc<StrataView>,
    pub(crate) needs: Needs,
    /// Rows that may pass WHERE, held by levels up to and including each.
    pub(crate) cumulative: Vec<u64>,
    compiled: OnceLock<Arc<Compiled>>,
    known: OnceLock<Known>,
}

/// What is known of the arguments.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) arguments: Vec<ArgumentKnowledge>,
    /// Where keys were drawn, what is known of their row counts.
    pub(crate) rows_of_keys: Option<Knowledge>,
}

impl Fitted {
    pub(crate) fn new(
        shape: &Shape,
        state: &SessionState,
        manifest: &Arc<Manifest>,
        strata: Arc<Strata>,
    ) -> Result<Self> {
        let view = Arc::new(StrataView::new(shape, state, manifest, strata)?);
        let needs = Needs::new(shape, &view);
        let cumulative = cumulative_rows(&view, manifest);
        let manifest = Arc::clone(manifest);
        Ok(Self { manifest, view, needs, cumulative, compiled: OnceLock::new(), known: OnceLock::new() })
    }

    /// The expressions for batches with `schema`, which all levels share.
    pub(crate) fn compiled(&self, shape: &Shape, state: &SessionState, schema: &Schema) -> Result<Arc<Compiled>> {
        match self.compiled.get() {
            Some(compiled) => Ok(Arc::clone(compiled)),
            None => {
                let compiled = Arc::new(Compiled::new(shape, &self.needs, state, schema)?);
                Ok(Arc::clone(self.compiled.get_or_init(|| compiled)))
            }
        }
    }

    pub(crate) fn known(
        &self,
        shape: &Shape,
        state: &SessionState,
        cache: &KnowledgeCache,
        family: &Opened<'_>,
    ) -> Result<&Known> {
        match self.known.get() {
            Some(known) => Ok(known),
            None => {
                let arguments = cache.of(shape, state, family)?;
                let by_key = self.view.by_key;
                let rows_of_keys = by_key.then(|| cache.rows_of_keys(shape, state, family)).transpose()?;
                Ok(self.known.get_or_init(|| Known { arguments, rows_of_keys }))
            }
        }
    }
}
