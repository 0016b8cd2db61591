//! Planned queries from texts: each text is planned once, and texts that differ only in literals of WHERE share a plan.

mod blocks;
pub(crate) mod case;
mod dependencies;
mod joined_query;
mod literals;
pub(crate) mod locate;
mod merged_keys;
mod plan_cache;
mod planned_query;
pub(crate) mod spellings;
mod subqueries;
mod subquery_key;
mod table_candidate;
mod templates;
mod written_names;

pub(crate) use blocks::{Blocks, ExactAggregates, PartlyExact, Rank, RankKind, Ranked, Side, Source, Sum};
pub(crate) use joined_query::{UnprovenKey, Unsampled};
pub(crate) use plan_cache::PlanCache;
pub(crate) use planned_query::{PlannedQuery, analysed};
pub(crate) use subqueries::{PreparedSubquery, SubqueryValue, SubqueryValues};
pub(crate) use subquery_key::{Kind, SubqueryKey, is_volatile};
pub(crate) use table_candidate::TableCandidate;
