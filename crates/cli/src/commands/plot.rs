//! `plusminus plot`: estimates with their intervals, on the terminal or as SVG.

use crate::args::{Global, PlotArgs};
use crate::failure::Failure;
use crate::format::screen;
use crate::plot;
use plusminus::Error;
use plusminus_display::Paint;
use std::io::Write;

pub(crate) async fn run(global: &Global, args: &PlotArgs) -> Result<(), Failure> {
    let session = super::open(global, global.store_folder()).await?;
    let variables = super::shell::variables_of(&global.variables)?;
    let sql = crate::shell::variables::substituted(&args.sql()?, &variables);
    let mut last = None;
    for statement in session.parse(&sql)? {
        let (done, was_pressed) = super::live::run(&session, &statement, None).await;
        let answer = done?;
        if was_pressed {
            return Err(Error::Interrupted.into());
        }
        last = Some(answer);
    }
    let is_explained = |answer: &plusminus::Answer| answer.columns().first().is_some_and(|first| first.name == "step");
    let Some(answer) = last.filter(|answer| answer.is_query() || is_explained(answer)) else {
        return Err(Failure::usage("plot takes a query: plusminus plot -c \"SELECT …\""));
    };
    if !global.quiet {
        answer.report().warnings.iter().for_each(|warning| eprintln!("note: {warning}"));
    }
    match &global.output {
        Some(file) => plot::file(&answer, file),
        None => {
            let text = plot::text(&answer, screen(), Paint::new(global.color.is_on(screen().is_some())))?;
            std::io::stdout().write_all(text.as_bytes()).map_err(|e| Failure::io("output", e))
        }
    }
}
