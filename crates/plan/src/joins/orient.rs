//! Finds the table whose rows have at most one partner in every other table of a graph.

use super::keys::{Equality, Side};
use super::{INNER, Instance, JoinFacts, JoinGraph, KeyFact, KeyQuestion, Refusal, RootFact, SharedKeyFact};
use crate::query::Reason;
use arrow::datatypes::DataType;
use std::cmp::Reverse;

/// The edge to an instance from those nearer to the root: equal keys, unique in the instance's table.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    /// Compared columns, sorted by the instance's own.
    pub(crate) on: Vec<On>,
    /// The conjuncts that the edge stands for, as places in the scope of the instance.
    pub(crate) conjuncts: Vec<usize>,
    /// Scopes in which the row must have partners for the edge to count.
    pub(crate) guards: Vec<usize>,
    /// The name of the instance's table, however the query names it.
    pub(crate) table: String,
    /// The version of the table.
    pub(crate) version: String,
    /// Whether the columns are no key, so that a row appears once for each of its partners.
    pub(crate) repeats_rows: bool,
}

/// One compared pair of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct On {
    /// The instance nearer to the root whose column is compared.
    pub(crate) parent: usize,
    pub(crate) parent_column: String,
    pub(crate) column: String,
    /// The type in which both are compared.
    pub(crate) compared: DataType,
    /// Whether both columns have the same type themselves.
    pub(crate) is_same_type: bool,
}

/// A root, and the edge that leads to each other instance.
#[derive(Debug)]
pub(crate) struct Orientation {
    pub(crate) root: usize,
    /// One entry per instance, `None` for the root.
    pub(crate) edges: Vec<Option<Edge>>,
    /// The other instances in the order in which they are reached.
    pub(crate) order: Vec<usize>,
}

/// Orients a graph: from a sampled table, the one with the most rows first, to all others.
pub(crate) fn orient(graph: &JoinGraph, facts: &dyn JoinFacts) -> Result<Orientation, Refusal> {
    let mut roots: Vec<(usize, u64)> = Vec::new();
    let mut unsampled: Option<(u64, Reason)> = None;
    for (number, instance) in graph.instances.iter().enumerate().filter(|(_, instance)| instance.scope == INNER) {
        match facts.root(&instance.scan) {
            RootFact::Sampled(rows) => roots.push((number, rows)),
            RootFact::Unsampled(rows, why) if unsampled.as_ref().is_none_or(|(known, _)| rows > *known) => {
                unsampled = Some((rows, why));
            }
            RootFact::Unsampled(..) => {}
        }
    }
    if let [_] = graph.instances.as_slice() {
        return Ok(Orientation { root: 0, edges: vec![None], order: Vec::new() });
    }
    roots.sort_by_key(|(number, rows)| (Reverse(*rows), *number));
    let equalities = Equalities::of(graph);
    let mut refusal: Option<Reason> = None;
    for (root, rows) in &roots {
        match equalities.edges_from(*root, facts) {
            Ok(found) => return Ok(found),
            Err(Refusal::Unproven(question)) => return Err(Refusal::Unproven(question)),
            // A larger table without samples is the one to sample.
            Err(Refusal::Reason(reason)) => match &unsampled {
                Some((known, why)) if known > rows => drop(refusal.get_or_insert_with(|| why.clone())),
                _ => drop(refusal.get_or_insert(reason)),
            },
        }
    }
    let reason = refusal.or(unsampled.map(|(_, why)| why));
    Err(reason.unwrap_or_else(|| Reason::new("no table of the join has samples")).into())
}

/// The equalities of each scope, with their places among its conjuncts.
struct Equalities<'a> {
    graph: &'a JoinGraph,
    by_scope: Vec<Vec<(usize, Equality)>>,
}

impl<'a> Equalities<'a> {
    fn of(graph: &'a JoinGraph) -> Self {
        let equalities = |conjuncts: &Vec<_>| {
            let own = conjuncts.iter().enumerate();
            own.filter_map(|(place, e)| Some((place, Equality::of(e, &graph.instances)?))).collect()
        };
        Self { graph, by_scope: graph.scopes.iter().map(|scope| equalities(&scope.conjuncts)).collect() }
    }

    /// The edges from one root to all other instances, the nearest first.
    fn edges_from(&self, root: usize, facts: &dyn JoinFacts) -> Result<Orientation, Refusal> {
        let count = self.graph.instances.len();
        let mut found = Orientation { root, edges: vec![None; count], order: Vec::new() };
        let mut refusal = None;
        while found.order.len() + 1 < count {
            let reached = found.order.len();
            let mut next = Vec::new();
            for instance in (0..count).filter(|at| *at != root && !found.order.contains(at)) {
                match self.edge(instance, &found, facts)? {
                    Ok(edge) => next.push((instance, edge)),
                    Err(reason) => refusal = reason.or(refusal),
                }
            }
            // Tables of which a row has several partners come last: their keys may be unique by columns of tables yet to be reached.
            if next.is_empty() {
                next.extend(self.repeating(&found, facts, &mut refusal));
            }
            for (instance, edge) in next {
                found.order.push(instance);
                found.edges[instance] = Some(edge);
            }
            if found.order.len() == reached {
                return Err(refusal.unwrap_or_else(|| self.not_joined(&found)).into());
            }
        }
        Ok(found)
    }

    /// The edge from what was reached to an instance. Without one, the reason why its keys are none, if it has any.
    fn edge(
        &self,
        instance: usize,
        reached: &Orientation,
        facts: &dyn JoinFacts,
    ) -> Result<Result<Edge, Option<Reason>>, Refusal> {
        let candidates = self.candidates(instance, reached);
        let mut columns: Vec<&str> = candidates.iter().map(|c| c.own.column.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        // A single column is tried first, so that a path is the same whatever else is compared; then all of them together.
        let written = candidates.iter().map(|c| vec![c.own.column.clone()]);
        let mut keys: Vec<Vec<String>> = Vec::new();
        for key in written.chain((columns.len() > 1).then(|| columns.iter().map(|c| (*c).to_owned()).collect())) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let Instance { scan, key: made, .. } = &self.graph.instances[instance];
        let mut refusal = None;
        if let Some(made) = made.as_ref().filter(|made| made.iter().all(|column| columns.contains(&column.as_str()))) {
            match facts.unique(scan) {
                KeyFact::Unique { table, version } => return Ok(Ok(edge(made, &candidates, table, version))),
                KeyFact::Duplicate(why) => return Ok(Err(Some(Reason::new(why)))),
                KeyFact::Unknown => {}
            }
        }
        for key in keys {
            match facts.key(scan, &key) {
                KeyFact::Unique { table, version } => return Ok(Ok(edge(&key, &candidates, table, version))),
                KeyFact::Duplicate(why) => refusal = Some(Reason::new(why)),
                KeyFact::Unknown => {
                    return Err(Refusal::Unproven(Box::new(KeyQuestion { scan: scan.clone(), columns: key })));
                }
            }
        }
        Ok(Err(refusal))
    }

    /// The first instance whose rows are joined to those of the root by keys that samples of both tables share, and the edge to it.
    fn repeating(
        &self,
        found: &Orientation,
        facts: &dyn JoinFacts,
        refusal: &mut Option<Reason>,
    ) -> Option<(usize, Edge)> {
        let root = &self.graph.instances[found.root].scan;
        let missing = |at: &usize| *at != found.root && !found.order.contains(at);
        for instance in (0..self.graph.instances.len()).filter(missing) {
            let Instance { scan, scope, .. } = &self.graph.instances[instance];
            if !self.graph.scopes[*scope].repeats_rows || !self.may_repeat(instance) {
                continue;
            }
            for candidate in self.candidates(instance, found) {
                if candidate.parent.instance != found.root || !candidate.parent.guards.is_empty() {
                    continue;
                }
                match facts.shared_key((root, &candidate.parent.column), (scan, &candidate.own.column)) {
                    SharedKeyFact::Sampled { table, version } => {
                        let key = [candidate.own.column.clone()];
                        let own = edge(&key, &[candidate], table, version);
                        return Some((instance, Edge { repeats_rows: true, ..own }));
                    }
                    SharedKeyFact::Unsampled(None) => {}
                    SharedKeyFact::Unsampled(Some(help)) => {
                        if let Some(reason) = refusal.as_mut().filter(|reason| !reason.0.contains(&help)) {
                            *reason = Reason::new(format!("{}; {help}", reason.0));
                        }
                    }
                }
            }
        }
        None
    }

    /// Whether an instance stands alone in its outer join, with no condition but one equality: rows without a partner that passes others
    /// would have to be told from those that have some.
    fn may_repeat(&self, instance: usize) -> bool {
        let scope = self.graph.instances[instance].scope;
        let together = self.graph.instances.iter().filter(|other| other.scope == scope).count();
        scope == INNER || (together == 1 && self.graph.scopes[scope].conjuncts.len() == 1)
    }

    /// The equalities between an instance and those reached, each other side moved as near to the root as equal keys allow.
    fn candidates(&self, instance: usize, reached: &Orientation) -> Vec<Candidate> {
        let scope = self.graph.instances[instance].scope;
        let is_reached = |other: usize| other == reached.root || reached.order.contains(&other);
        let mut found: Vec<Candidate> = Vec::new();
        for (place, equality) in &self.by_scope[scope] {
            let Some((own, other)) = equality.towards(instance) else { continue };
            if !is_reached(other.instance) || !own.guards.is_empty() {
                continue;
            }
            let parent = self.nearest(other.clone(), reached);
            let depth = depth(parent.instance, reached);
            let (own, compared) = (own.clone(), equality.compared.clone());
            found.push(Candidate { place: *place, own, parent, compared, depth });
        }
        found.sort_by_key(|c| (c.depth, c.place));
        found
    }

    /// A key column of an inner join equals the column that it was found by, which is nearer to the root.
    fn nearest(&self, side: Side, reached: &Orientation) -> Side {
        let Some(edge) = &reached.edges[side.instance] else { return side };
        let is_inner = self.graph.instances[side.instance].scope == INNER;
        match edge.on.iter().find(|on| on.column == side.column && on.is_same_type) {
            Some(on) if is_inner && side.guards.is_empty() && edge.guards.is_empty() => {
                let parent = Side { instance: on.parent, column: on.parent_column.clone(), ..side };
                self.nearest(parent, reached)
            }
            _ => side,
        }
    }

    fn not_joined(&self, found: &Orientation) -> Reason {
        let name = |at: usize| self.graph.instances[at].scan.table_name.table().to_owned();
        let missing = (0..self.graph.instances.len()).find(|at| *at != found.root && !found.order.contains(at));
        let missing = missing.map_or_else(String::new, name);
        Reason::new(format!("{missing} is not joined to {} by equal keys", name(found.root)))
    }
}

/// An equality that may lead to an instance.
struct Candidate {
    place: usize,
    own: Side,
    parent: Side,
    compared: DataType,
    depth: usize,
}

fn depth(instance: usize, reached: &Orientation) -> usize {
    let edge = reached.edges[instance].as_ref();
    edge.and_then(|edge| edge.on.iter().map(|on| 1 + depth(on.parent, reached)).max()).unwrap_or(0)
}

/// The edge by a key. Its columns may be compared with those of several instances; of each column the nearest counts.
fn edge(key: &[String], candidates: &[Candidate], table: String, version: String) -> Edge {
    let nearest = key.iter().filter_map(|column| candidates.iter().find(|c| c.own.column == *column));
    let chosen: Vec<&Candidate> = nearest.collect();
    let on = chosen.iter().map(|c| On {
        parent: c.parent.instance,
        parent_column: c.parent.column.clone(),
        column: c.own.column.clone(),
        compared: c.compared.clone(),
        is_same_type: c.own.own_type == c.parent.own_type,
    });
    let mut guards: Vec<usize> = chosen.iter().flat_map(|c| c.parent.guards.iter().copied()).collect();
    guards.sort_unstable();
    guards.dedup();
    Edge {
        on: on.collect(),
        conjuncts: chosen.iter().map(|c| c.place).collect(),
        guards,
        table,
        version,
        repeats_rows: false,
    }
}
