//! `plusminus sample`: the sample statements for the command line.

use crate::args::{CreateArgs, Global, SampleArgs, SampleCommand, Script};
use crate::failure::Failure;
use plusminus::{SampleBuilder, Session};

pub(crate) async fn run(global: &Global, args: &SampleArgs) -> Result<(), Failure> {
    let session = super::open(global, global.store_folder()).await?;
    let statement = match &args.command {
        SampleCommand::Create(create) => {
            let built = session.build_samples(builders(&session, create)?).await?;
            let names: Vec<String> = built.iter().map(|m| m.name.clone()).collect();
            if !global.quiet {
                eprintln!("built {}", names.join(", "));
                built.iter().flat_map(Session::notes_of).for_each(|note| eprintln!("note: {note}"));
            }
            "SHOW SAMPLES".to_owned()
        }
        SampleCommand::List => "SHOW SAMPLES".to_owned(),
        SampleCommand::Describe { name } => format!("DESCRIBE SAMPLE \"{name}\""),
        SampleCommand::Verify { name } => format!("VERIFY SAMPLE \"{name}\""),
        SampleCommand::Drop { name, if_exists } => {
            format!("DROP SAMPLE {}\"{name}\"", if *if_exists { "IF EXISTS " } else { "" })
        }
        SampleCommand::Refresh { name } => format!("REFRESH SAMPLE \"{name}\""),
        SampleCommand::Advise { .. } => {
            return Err(Failure::unsupported(
                "sample advise is not supported yet",
                "sample create with the columns you group by most",
            ));
        }
    };
    super::query::run_all(global, session, vec![Script { file: None, text: statement }]).await
}

fn builders(session: &Session, args: &CreateArgs) -> Result<Vec<SampleBuilder>, Failure> {
    let start = || session.sample(&args.table);
    let mut designs: Vec<SampleBuilder> = Vec::new();
    for columns in &args.stratified_by {
        designs.push(start().stratified_by(list(columns)));
    }
    if args.uniform || designs.is_empty() && args.universe_on.is_empty() {
        designs.insert(0, start());
    }
    if let Some(columns) = &args.tail {
        designs = designs.into_iter().map(|builder| builder.tail(list(columns))).collect();
    }
    designs.extend(args.universe_on.iter().map(|column| start().universe_on(column)));
    if args.name.is_some() && designs.len() > 1 {
        return Err(Failure::usage("--name is for one sample; several get the names of their columns"));
    }
    designs.into_iter().map(|builder| sized(builder, args)).collect()
}

/// Names separated by commas.
fn list(columns: &str) -> Vec<String> {
    columns.split(',').map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect()
}

fn sized(builder: SampleBuilder, args: &CreateArgs) -> Result<SampleBuilder, Failure> {
    let mut builder = builder.replace(args.replace);
    if let Some(name) = &args.name {
        builder = builder.name(name);
    }
    if let Some(levels) = args.levels {
        builder = builder.levels(levels);
    }
    if let Some(rows) = args.cap {
        builder = builder.cap(rows);
    }
    let Some(size) = &args.size else { return Ok(builder) };
    let wrong = || Failure::usage(format!("--size takes a number of rows or a share such as 1%, not '{size}'"));
    match size.trim().strip_suffix('%') {
        Some(percent) => Ok(builder.size_percent(percent.trim().parse().map_err(|_| wrong())?)),
        None => Ok(builder.size_rows(size.trim().parse().map_err(|_| wrong())?)),
    }
}
