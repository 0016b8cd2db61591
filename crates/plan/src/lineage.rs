use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchemaRef, Result};
use datafusion::logical_expr::Expr;
use std::sync::Arc;

/// The columns of a plan node, each as an expression over the columns of a node further down.
#[derive(Debug, Clone)]
pub(crate) struct Lineage {
    /// The schema of the node.
    pub schema: DFSchemaRef,
    /// One expression per column of `schema`, in its order.
    pub exprs: Vec<Expr>,
}

impl Lineage {
    /// A node over itself: every column stands for itself.
    pub(crate) fn identity(schema: &DFSchemaRef) -> Self {
        let exprs = schema.columns().into_iter().map(Expr::Column).collect();
        Self { schema: Arc::clone(schema), exprs }
    }

    /// Puts the columns under `schema`, which differs in qualifiers alone.
    pub(crate) fn renamed(self, schema: &DFSchemaRef) -> Self {
        Self { schema: Arc::clone(schema), exprs: self.exprs }
    }

    /// The columns of a projection with these expressions, over the columns of the same node further down.
    pub(crate) fn project(&self, exprs: &[Expr], schema: &DFSchemaRef) -> Result<Self> {
        let exprs = exprs.iter().map(|e| self.replace(e)).collect::<Result<Vec<_>>>()?;
        Ok(Self { schema: Arc::clone(schema), exprs })
    }

    /// `expr` with every column replaced by the expression it stands for, aliases removed.
    pub(crate) fn replace(&self, expr: &Expr) -> Result<Expr> {
        let replaced = expr.clone().transform_up(|e| match e {
            Expr::Column(column) => Ok(Transformed::yes(self.get(&column)?)),
            Expr::Alias(alias) => Ok(Transformed::yes(*alias.expr)),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(replaced.data)
    }

    fn get(&self, column: &Column) -> Result<Expr> {
        Ok(self.exprs[self.schema.index_of_column(column)?].clone())
    }
}
