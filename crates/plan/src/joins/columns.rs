//! Names joined columns by their paths, and puts them beside the columns of the sampled table.

use super::orient::{Edge, On, Orientation};
use super::{Collected, INNER, JoinGraph, instance_of, scope_of};
use crate::lineage::Lineage;
use crate::query::Reason;
use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result as PlanResult, TableReference};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Case, Expr, TableScan, lit};
use std::collections::HashMap;
use std::sync::Arc;

/// The first character of the name of a joined column.
const MARK: char = '⋈';
/// The character between a joined column's path and the versions of its tables.
const VERSION: char = '@';

/// A table that is joined to the sampled one.
#[derive(Debug, Clone)]
pub struct JoinedTable {
    /// The table.
    pub scan: TableScan,
    /// The columns that are compared: one pair, or several of a composite key.
    pub on: Vec<JoinKey>,
    /// The name of the column that says whether a row has a partner, among those of the sampled table.
    pub matched: String,
    /// The columns that the query needs: name among those of the sampled table, name in its own table.
    pub columns: Vec<(String, String)>,
    /// Whether a row appears once for each of its partners, of which it may have several; otherwise it has at most one.
    pub repeats_rows: bool,
}

/// A pair of compared columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinKey {
    /// The column on the side of the sampled table: its own, or a joined one.
    pub from: String,
    /// The column of the joined table.
    pub column: String,
    /// The type in which both are compared.
    pub compared: DataType,
}

/// Whether a column of a sampled table comes from another table by a path of keys.
#[must_use]
pub fn is_joined_column(name: &str) -> bool {
    name.starts_with(MARK)
}

/// The name of a column of the table that a path leads to.
#[must_use]
pub fn column_name(path: &str, column: &str, version: &str) -> String {
    format!("{MARK}{path}.{column}{VERSION}{version}")
}

/// The name of the column that says whether a row has a partner at the end of a path.
fn matched_name(path: &str, version: &str) -> String {
    format!("{MARK}{path}{VERSION}{version}")
}

/// Whether a column says if a row has a partner at the end of a path.
#[must_use]
pub fn is_matched_column(name: &str) -> bool {
    is_joined_column(name) && name.rsplit_once(VERSION).is_some_and(|(path, _)| path.ends_with(']'))
}

/// A column's name for people: a joined one without its path and version.
#[must_use]
pub fn shown_column(name: &str) -> &str {
    if !is_joined_column(name) {
        return name;
    }
    let path = name.rsplit_once(VERSION).map_or(name, |(path, _)| path);
    path.rsplit_once("].").map_or(path, |(_, column)| column)
}

/// The input of an aggregate over a join as that of one wide table.
#[derive(Debug)]
pub(crate) struct Widened {
    /// The scan of the sampled table; its schema has the joined columns behind its own.
    pub(crate) scan: TableScan,
    /// WHERE as conjuncts, joins included.
    pub(crate) predicates: Vec<Expr>,
    pub(crate) lineage: Lineage,
    /// The joined tables, each behind those that lead to it.
    pub(crate) joins: Vec<JoinedTable>,
}

/// Rewrites what stands below an aggregate over the columns of the root and those joined to it.
pub(crate) fn widened(collected: Collected, orientation: &Orientation) -> Result<Widened, Reason> {
    let Collected { graph, lineage } = collected;
    let mut wide = Wide::new(&graph, orientation);
    let untraced = |e: datafusion::error::DataFusionError| Reason::new(format!("a column cannot be traced: {e}"));
    let exprs = lineage.exprs.iter().map(|expr| wide.named(expr));
    let exprs = exprs.collect::<PlanResult<Vec<_>>>().map_err(untraced)?;
    let predicates = wide.conditions(INNER).map_err(untraced)?;
    let joins = wide.joins();
    let root = &graph.instances[orientation.root].scan;
    let scan = match joins.is_empty() {
        true => TableScan { filters: Vec::new(), ..root.clone() },
        false => {
            let schema = wide.schema(&joins).map_err(untraced)?;
            TableScan { filters: Vec::new(), projected_schema: Arc::new(schema), ..root.clone() }
        }
    };
    Ok(Widened { scan, predicates, lineage: Lineage { schema: lineage.schema, exprs }, joins })
}

/// The path to an instance from the root, and the versions of the tables on it.
#[derive(Debug, Clone, Default)]
struct Path {
    text: String,
    version: String,
}

struct Wide<'a> {
    graph: &'a JoinGraph,
    orientation: &'a Orientation,
    /// Paths by instance; empty for the root.
    paths: Vec<Path>,
    /// Conditions under which rows have partners, by scope, as far as they were needed.
    matched: HashMap<usize, Vec<Expr>>,
}

impl<'a> Wide<'a> {
    fn new(graph: &'a JoinGraph, orientation: &'a Orientation) -> Self {
        let mut wide =
            Self { graph, orientation, paths: vec![Path::default(); graph.instances.len()], matched: HashMap::new() };
        for instance in &orientation.order {
            if let Some(edge) = &orientation.edges[*instance] {
                wide.paths[*instance] = wide.path(*instance, edge);
            }
        }
        wide
    }

    /// `orders[l_orderkey=o_orderkey].customer[o_custkey=c_custkey]`
    fn path(&self, instance: usize, edge: &Edge) -> Path {
        let parents: Vec<usize> = edge.on.iter().map(|on| on.parent).collect();
        let parent = parents.first().copied().filter(|first| parents.iter().all(|p| p == first));
        let before = parent.map(|parent| self.paths[parent].clone()).unwrap_or_default();
        let pair = |on: &On| match parent {
            Some(_) => format!("{}={}", on.parent_column, on.column),
            // Compared with columns of several tables, which are named by their paths.
            None => format!("{}={}", self.column(on.parent, &on.parent_column), on.column),
        };
        let pairs: Vec<String> = edge.on.iter().map(pair).collect();
        let table = format!("{}{}", edge.table, self.repetition(instance, edge));
        let dot = if before.text.is_empty() { "" } else { "." };
        let version_dot = if before.version.is_empty() { "" } else { "." };
        Path {
            text: format!("{}{dot}{table}[{}]", before.text, pairs.join(",")),
            version: format!("{}{version_dot}{}", before.version, edge.version),
        }
    }

    /// A number for a table that repeats rows another time: its rows are paired with those of the first.
    fn repetition(&self, instance: usize, edge: &Edge) -> String {
        let is_same = |other: &&usize| {
            let other = self.orientation.edges[**other].as_ref();
            let columns = |edge: &Edge| -> Vec<(usize, String, String)> {
                edge.on.iter().map(|on| (on.parent, on.parent_column.clone(), on.column.clone())).collect()
            };
            // Whatever types are compared, a path is told by its columns.
            other
                .is_some_and(|other| other.repeats_rows && other.table == edge.table && columns(other) == columns(edge))
        };
        let before = self.orientation.order.iter().take_while(|other| **other != instance).filter(is_same).count();
        if edge.repeats_rows && before > 0 { format!("#{}", before + 1) } else { String::new() }
    }

    /// The name of an instance's column among those of the root. A key column of an inner join is the column that it was found by.
    fn column(&self, instance: usize, column: &str) -> String {
        if let Some(on) = self.same_as(instance, column) {
            return self.column(on.parent, &on.parent_column);
        }
        match self.orientation.edges[instance] {
            None => column.to_owned(),
            Some(_) => column_name(&self.paths[instance].text, column, &self.paths[instance].version),
        }
    }

    /// The nearer column that a key column of an inner join always equals.
    fn same_as(&self, instance: usize, column: &str) -> Option<&On> {
        let edge = self.orientation.edges[instance].as_ref()?;
        let is_inner = self.graph.instances[instance].scope == INNER && edge.guards.is_empty();
        edge.on.iter().find(|on| is_inner && on.column == column && on.is_same_type)
    }

    fn root_column(&self, name: String) -> Expr {
        let root = &self.graph.instances[self.orientation.root].scan.table_name;
        Expr::Column(Column::new(Some(root.clone()), name))
    }

    /// `expr` over the columns of the root, joined ones included.
    fn named(&mut self, expr: &Expr) -> PlanResult<Expr> {
        let named = expr.clone().transform_down(|e| {
            if let Expr::Case(case) = &e
                && let Some((scope, then)) = guarded(case)
            {
                let own = self.guarded(scope, then)?;
                return Ok(Transformed::new(own, true, TreeNodeRecursion::Jump));
            }
            let Expr::Column(column) = &e else { return Ok(Transformed::no(e)) };
            let own = match (instance_of(column), scope_of(column)) {
                (Some(instance), _) => self.root_column(self.column(instance, &column.name)),
                (None, Some(scope)) => conjunction(self.conditions(scope)?).unwrap_or_else(|| lit(true)),
                (None, None) => return Ok(Transformed::no(e)),
            };
            Ok(Transformed::new(own, true, TreeNodeRecursion::Jump))
        })?;
        Ok(named.data)
    }

    /// A column of the nullable side of an outer join: NULL by itself where it has no partner, otherwise where conditions say so.
    fn guarded(&mut self, scope: usize, then: &Expr) -> PlanResult<Expr> {
        let conditions = self.conditions(scope)?;
        let own = self.named(then)?;
        if let Expr::Column(column) = then
            && let Some(instance) = instance_of(column)
            && conditions == [self.root_column(self.matched_name(instance))]
        {
            return Ok(own);
        }
        let when = conjunction(conditions).unwrap_or_else(|| lit(true));
        Ok(Expr::Case(Case { expr: None, when_then_expr: vec![(Box::new(when), Box::new(own))], else_expr: None }))
    }

    fn matched_name(&self, instance: usize) -> String {
        matched_name(&self.paths[instance].text, &self.paths[instance].version)
    }

    /// The conditions under which a row has partners in a scope, each table's own included.
    fn conditions(&mut self, scope: usize) -> PlanResult<Vec<Expr>> {
        if let Some(known) = self.matched.get(&scope) {
            return Ok(known.clone());
        }
        let own: Vec<usize> =
            self.orientation.order.iter().copied().filter(|at| self.graph.instances[*at].scope == scope).collect();
        let edges: Vec<&Edge> = own.iter().filter_map(|at| self.orientation.edges[*at].as_ref()).collect();
        let taken: Vec<usize> = edges.iter().flat_map(|edge| edge.conjuncts.iter().copied()).collect();
        let guards: Vec<usize> = edges.iter().flat_map(|edge| edge.guards.iter().copied()).collect();
        // A table further away has a partner only where those before it have.
        let leads_on = |at: &usize| edges.iter().any(|edge| edge.on.iter().any(|on| on.parent == *at));
        let last: Vec<Expr> =
            own.iter().filter(|at| !leads_on(at)).map(|at| self.root_column(self.matched_name(*at))).collect();
        let mut all = last;
        for guard in guards {
            for condition in self.conditions(guard)? {
                if !all.contains(&condition) {
                    all.push(condition);
                }
            }
        }
        let graph = self.graph;
        for (place, conjunct) in graph.scopes[scope].conjuncts.iter().enumerate() {
            if !taken.contains(&place) {
                all.push(self.named(conjunct)?);
            }
        }
        self.matched.insert(scope, all.clone());
        Ok(all)
    }

    /// The joined tables with all their columns.
    fn joins(&self) -> Vec<JoinedTable> {
        let joined = |instance: &usize| {
            let edge = self.orientation.edges[*instance].as_ref()?;
            let scan = &self.graph.instances[*instance].scan;
            let on = edge.on.iter().map(|on| JoinKey {
                from: self.column(on.parent, &on.parent_column),
                column: on.column.clone(),
                compared: on.compared.clone(),
            });
            let names = scan.projected_schema.fields().iter().map(|field| field.name());
            let columns = names.filter(|name| self.same_as(*instance, name).is_none());
            let columns = columns.map(|name| (self.column(*instance, name), name.clone())).collect();
            let matched = self.matched_name(*instance);
            let repeats_rows = edge.repeats_rows;
            Some(JoinedTable { scan: scan.clone(), on: on.collect(), matched, columns, repeats_rows })
        };
        let mut all: Vec<JoinedTable> = Vec::new();
        for table in self.orientation.order.iter().filter_map(joined) {
            // One path that is written twice is joined once.
            if all.iter().all(|known| known.matched != table.matched) {
                all.push(table);
            }
        }
        all
    }

    /// The columns of the root, then those of the joined tables.
    fn schema(&self, joins: &[JoinedTable]) -> PlanResult<DFSchema> {
        let root = &self.graph.instances[self.orientation.root].scan;
        let mut fields: Vec<(Option<TableReference>, Arc<Field>)> =
            root.projected_schema.iter().map(|(relation, field)| (relation.cloned(), Arc::clone(field))).collect();
        let name = &root.table_name;
        for table in joins {
            fields.push((Some(name.clone()), Arc::new(Field::new(&table.matched, DataType::Boolean, false))));
            for (joined, own) in &table.columns {
                let field = table.scan.projected_schema.as_arrow().field_with_name(own)?;
                let field = Field::new(joined, field.data_type().clone(), true);
                fields.push((Some(name.clone()), Arc::new(field)));
            }
        }
        DFSchema::new_with_metadata(fields, HashMap::new())
    }
}

/// The scope and the value of a guard.
fn guarded(case: &Case) -> Option<(usize, &Expr)> {
    let [(when, then)] = case.when_then_expr.as_slice() else { return None };
    let (None, None, Expr::Column(column)) = (&case.expr, &case.else_expr, when.as_ref()) else { return None };
    Some((scope_of(column)?, then))
}

/// `orders by l_orderkey = o_orderkey: o_orderdate, o_clerk`
impl std::fmt::Display for JoinedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs: Vec<String> =
            self.on.iter().map(|key| format!("{} = {}", shown_column(&key.from), key.column)).collect();
        let columns: Vec<&str> = self.columns.iter().map(|(_, own)| own.as_str()).collect();
        let columns = if columns.is_empty() { "its keys alone".to_owned() } else { columns.join(", ") };
        let every = if self.repeats_rows { "every row of " } else { "" };
        write!(f, "{every}{} by {}: {columns}", self.scan.table_name.table(), pairs.join(" and "))
    }
}

impl JoinedTable {
    /// Leaves only the columns that `needed` names; returns whether the table is needed at all.
    pub(crate) fn restrict(&mut self, needed: &[String]) -> bool {
        self.columns.retain(|(name, _)| needed.contains(name));
        // A table that repeats rows changes their number even where nothing of it is read.
        self.repeats_rows || !self.columns.is_empty() || needed.contains(&self.matched)
    }
}
