//! Rows of a plain scan in the order of their files, as people expect of `SELECT * FROM 'file.csv' LIMIT 10`.
//!
//! DataFusion reads parts of files at once and takes their rows as they come. Where nothing above the scan asks for an order or loses it,
//! the parts are still read at once, but taken one after another.

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::sink::DataSinkExec;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LimitStream, LocalLimitExec};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions, replace_children_if_necessary,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Batches of a part that are read ahead.
const AHEAD: usize = 64;

/// Makes plain scans return rows in the order of their files.
#[derive(Debug, Default)]
pub(crate) struct FileOrder;

impl PhysicalOptimizerRule for FileOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(match ordered(&plan)? {
            Some(ordered) => ordered,
            None => plan,
        })
    }

    fn name(&self) -> &'static str {
        "file_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A plan whose rows come in the order of the files; `None` where that is no question of gathering.
fn ordered(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(gather) = plan.downcast_ref::<CoalescePartitionsExec>() {
        let parts = parts(gather.input())?;
        return Ok(parts.map(|parts| GatherInOrder::over(parts, gather.fetch())));
    }
    if plan.output_partitioning().partition_count() > 1 {
        return Ok(parts(plan)?.map(|parts| GatherInOrder::over(parts, None)));
    }
    let is_passing = plan.is::<ProjectionExec>()
        || plan.is::<FilterExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<GlobalLimitExec>()
        || plan.is::<DataSinkExec>();
    match plan.children().as_slice() {
        [child] if is_passing => match ordered(child)? {
            Some(child) => Ok(Some(replaced(plan, child)?)),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The parts of a scan with what is done to each of their rows, without what deals them out anew; `None` for other plans.
fn parts(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        let config = (scan.data_source().as_ref() as &dyn std::any::Any).downcast_ref::<FileScanConfig>();
        // Rows in memory are in the order of their partitions.
        let Some(config) = config else { return Ok(Some(Arc::clone(plan))) };
        let config = FileScanConfigBuilder::from(config.clone()).with_preserve_order(true).build();
        return Ok(Some(DataSourceExec::from_data_source(config)));
    }
    if let Some(dealt) = plan.downcast_ref::<RepartitionExec>() {
        return match dealt.partitioning() {
            Partitioning::RoundRobinBatch(_) => parts(dealt.input()),
            _ => Ok(None),
        };
    }
    if plan.is::<UnionExec>() {
        let mut branches = Vec::new();
        for branch in plan.children() {
            match parts(branch)? {
                Some(parts) => branches.push(parts),
                None if branch.output_partitioning().partition_count() == 1 => branches.push(Arc::clone(branch)),
                None => return Ok(None),
            }
        }
        return Ok(Some(UnionExec::try_new(branches)?));
    }
    if plan.children().is_empty() && plan.output_partitioning().partition_count() == 1 {
        return Ok(Some(Arc::clone(plan)));
    }
    let is_by_row = plan.is::<ProjectionExec>()
        || plan.is::<FilterExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<LocalLimitExec>();
    match plan.children().as_slice() {
        [child] if is_by_row => match parts(child)? {
            Some(child) => Ok(Some(replaced(plan, child)?)),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// A step over another input.
fn replaced(step: &Arc<dyn ExecutionPlan>, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    replace_children_if_necessary(Arc::clone(step), vec![input])
}

/// One partition with the rows of all partitions, the first partition's first.
#[derive(Debug)]
struct GatherInOrder {
    input: Arc<dyn ExecutionPlan>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl GatherInOrder {
    fn over(input: Arc<dyn ExecutionPlan>, fetch: Option<usize>) -> Arc<dyn ExecutionPlan> {
        let own = input.properties().as_ref().clone();
        let properties = own.with_partitioning(Partitioning::UnknownPartitioning(1));
        Arc::new(Self { input, fetch, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for GatherInOrder {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fetch {
            Some(fetch) => write!(f, "GatherInOrderExec: fetch={fetch}"),
            None => write!(f, "GatherInOrderExec"),
        }
    }
}

impl ExecutionPlan for GatherInOrder {
    fn name(&self) -> &'static str {
        "GatherInOrderExec"
    }

    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(match children.pop() {
            Some(input) => Self::over(input, self.fetch),
            None => self,
        })
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        debug_assert_eq!(partition, 0);
        let schema = self.schema();
        let metrics = BaselineMetrics::new(&self.metrics, 0);
        let count = self.input.output_partitioning().partition_count();
        // All parts are read at once, also for a few rows: a filter may find them late. What is not taken ends with the stream.
        let part = |at: usize| self.input.execute(at, Arc::clone(&context)).map(|rows| spawn_buffered(rows, AHEAD));
        let all = futures::stream::iter((0..count).map(part).collect::<Vec<Result<SendableRecordBatchStream>>>());
        let rows = all.flat_map(|part| match part {
            Ok(rows) => rows,
            Err(error) => futures::stream::once(async move { Err(error) }).boxed(),
        });
        let rows = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
        Ok(match self.fetch {
            Some(fetch) => Box::pin(LimitStream::new(rows, 0, Some(fetch), metrics)),
            None => rows,
        })
    }
}
