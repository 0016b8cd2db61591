//! `plusminus completions` and `plusminus man`: both are made from the description of the command line.

use crate::args::Cli;
use crate::failure::Failure;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Writes the completions of a shell.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "plusminus", &mut script);
    written(&script)
}

/// Writes the manual page, in roff.
pub(crate) fn page() -> Result<(), Failure> {
    let mut page = Vec::new();
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(|e| Failure::io("manual", e))?;
    for subcommand in command.get_subcommands() {
        let name = format!("plusminus {}", subcommand.get_name());
        let man = clap_mangen::Man::new(subcommand.clone().display_name(name).bin_name("plusminus"));
        writeln!(page, ".SH {}", subcommand.get_name().to_uppercase()).map_err(|e| Failure::io("manual", e))?;
        let render = man.render_description_section(&mut page).and_then(|()| man.render_options_section(&mut page));
        render.map_err(|e| Failure::io("manual", e))?;
    }
    written(&page)
}

fn written(bytes: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().write_all(bytes) {
        // The reader has gone, as `head` does, which is no error.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::io("output", e)),
        _ => Ok(()),
    }
}
