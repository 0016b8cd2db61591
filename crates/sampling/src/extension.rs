use arrow::array::ArrayRef;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use std::sync::Arc;

/// Columns that a table's rows have besides its own, found by the values of some of its columns; they may stratify a sample.
pub trait RowExtension: std::fmt::Debug + Send + Sync {
    /// The columns.
    fn fields(&self) -> Vec<FieldRef>;

    /// The table's columns that are read for them.
    fn reads(&self) -> Vec<String>;

    /// The columns of the rows of a batch, which has at least the columns that are read.
    ///
    /// # Errors
    /// When a value cannot be found.
    fn extend(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>>;
}

/// Some columns of an extended table: which of those that a plan reads, and of the extension's behind them, in this order.
#[derive(Debug, Clone)]
pub(crate) struct Extended {
    pub(crate) extension: Arc<dyn RowExtension>,
    pub(crate) columns: Vec<usize>,
}

impl Extended {
    /// The rows of a stream with the columns of the extension.
    pub(crate) fn stream(&self, stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let schema = self.schema(&stream.schema());
        let (own, target) = (self.clone(), Arc::clone(&schema));
        let extended = stream.map(move |batch| own.batch(&batch?, &target));
        Box::pin(RecordBatchStreamAdapter::new(schema, extended))
    }

    fn schema(&self, read: &Schema) -> SchemaRef {
        let all: Vec<FieldRef> = read.fields().iter().cloned().chain(self.extension.fields()).collect();
        Arc::new(Schema::new(self.columns.iter().map(|at| Arc::clone(&all[*at])).collect::<Vec<_>>()))
    }

    fn batch(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut all = batch.columns().to_vec();
        all.extend(self.extension.extend(batch)?);
        let columns = self.columns.iter().map(|at| Arc::clone(&all[*at])).collect();
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}
