//! The tables that SQL is asked of, their samples, and how they are grouped and filtered.

use crate::campaign::{Campaign, Failure};
use crate::distributions::MEASURES;
use crate::made_up::FILTERS;
use crate::populations;
use crate::sessions::Generator;
use plusminus::SampleSize;
use std::path::{Path, PathBuf};

/// A column whose sum and mean are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    pub(crate) column: &'static str,
    pub(crate) label: String,
    pub(crate) heavy: bool,
}

/// A sample to draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    /// The column it is stratified by.
    pub(crate) by: Option<&'static str>,
    pub(crate) size: SampleSize,
}

/// A sample and the GROUP BY it answers.
#[derive(Clone, Debug)]
pub(crate) struct Design {
    pub(crate) sample: Sample,
    pub(crate) key: &'static str,
    pub(crate) name: String,
}

/// A table and all that is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    pub(crate) name: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) measures: Vec<Measure>,
    /// Numerator and denominator of a ratio of sums, by their numbers among the measures.
    pub(crate) ratio: (usize, usize),
    pub(crate) samples: Vec<Sample>,
    pub(crate) designs: Vec<Design>,
    /// Label and predicate; an empty predicate is no filter.
    pub(crate) filters: Vec<(&'static str, &'static str)>,
}

/// Rows of the generated video sessions.
const SESSIONS_ROWS: u64 = 1_000_000;

pub(crate) const UNIFORM: &str = "uniform";

fn design(sample: Sample, key: &'static str) -> Design {
    let by = sample.by.map_or_else(|| "uniform".to_owned(), |by| format!("by {by}"));
    Design { sample, key, name: format!("{by}, GROUP BY {key}") }
}

fn measure(column: &'static str, heavy: bool) -> Measure {
    Measure { column, label: column.to_owned(), heavy }
}

/// The table of all distributions, written into `folder`.
pub(crate) fn distributions(folder: &Path, campaign: &Campaign) -> Result<Dataset, Failure> {
    let file = folder.join("distributions.parquet");
    if !file.exists() {
        populations::write_distributions(&file, campaign.seed)?;
    }
    let uniform = Sample { name: UNIFORM, by: None, size: SampleSize::Percent(10.0) };
    let by_group = Sample { name: "by_g", by: Some("g"), size: SampleSize::Cap(1_000) };
    let predicates = ["", "place < 0.1", "place < 0.01", "place < 0.001"];
    Ok(Dataset {
        name: "made up",
        file,
        measures: MEASURES
            .iter()
            .map(|(column, values)| Measure { column, label: values.label(), heavy: values.is_heavy() })
            .collect(),
        ratio: (1, 0),
        samples: vec![uniform, by_group],
        designs: vec![design(uniform, "g"), design(by_group, "g"), design(by_group, "k")],
        filters: FILTERS.iter().zip(predicates).map(|((label, _), predicate)| (*label, predicate)).collect(),
    })
}

/// The demo's video sessions, generated into `folder`.
pub(crate) fn sessions(folder: &Path, campaign: &Campaign) -> Result<Dataset, Failure> {
    let file = folder.join("sessions");
    if !file.exists() {
        let threads = usize::try_from(campaign.threads).unwrap_or(1);
        Generator::new(SESSIONS_ROWS, campaign.seed).threads(threads).write(&file, &|_| {})?;
    }
    let uniform = Sample { name: UNIFORM, by: None, size: SampleSize::Percent(5.0) };
    let by_os = Sample { name: "by_os", by: Some("os"), size: SampleSize::Cap(4_000) };
    let by_city = Sample { name: "by_city", by: Some("city"), size: SampleSize::Cap(100) };
    Ok(Dataset {
        name: "sessions",
        file,
        measures: vec![
            measure("sessiontime", false),
            measure("bitrate", false),
            measure("bytes", true),
            measure("bufferingratio", true),
            measure("jointimems", true),
            // As a number: an average of decimals is cut after a few digits.
            Measure { column: "CAST(adrevenue AS DOUBLE)", label: "adrevenue".to_owned(), heavy: true },
        ],
        ratio: (2, 0),
        samples: vec![uniform, by_os, by_city],
        designs: vec![design(uniform, "genre"), design(by_os, "os"), design(by_city, "country")],
        filters: vec![
            ("none", ""),
            ("a genre", "genre = 'western'"),
            ("long", "sessiontime > 3600"),
            ("failed", "failed"),
        ],
    })
}

/// Real flights.
pub(crate) fn flights(file: &Path) -> Dataset {
    let uniform = Sample { name: UNIFORM, by: None, size: SampleSize::Percent(2.0) };
    let by_origin = Sample { name: "by_origin", by: Some("origin"), size: SampleSize::Cap(500) };
    Dataset {
        name: "flights",
        file: file.to_owned(),
        measures: vec![measure("distance", false), measure("delay", true)],
        ratio: (1, 0),
        samples: vec![uniform, by_origin],
        designs: vec![
            design(uniform, "origin"),
            design(by_origin, "origin"),
            design(by_origin, "date_part('month', date)"),
        ],
        filters: vec![("none", ""), ("far", "distance > 1000"), ("late", "delay > 60"), ("very late", "delay > 240")],
    }
}
