//! `spillway completions` and `spillway man`.

use crate::arguments::{Arguments, Completions, Man};
use crate::failure::{Code, Failure};
use crate::output::print;
use clap::CommandFactory;
use clap_mangen::Man as Page;

pub(super) fn completions(completions: &Completions) -> Result<Code, Failure> {
    let mut text = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(completions.shell, &mut command, "spillway", &mut text);
    print(String::from_utf8_lossy(&text).trim_end())?;
    Ok(Code::Ok)
}

/// One page per command: `spillway.1`, `spillway-check.1` and so on.
pub(super) fn man(man: &Man) -> Result<Code, Failure> {
    let command = Arguments::command().disable_help_subcommand(true);
    match &man.folder {
        Some(folder) => clap_mangen::generate_to(command, folder)
            .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?,
        None => {
            let mut page = Vec::new();
            Page::new(command).render(&mut page)?;
            print(String::from_utf8_lossy(&page).trim_end())?;
        }
    }
    Ok(Code::Ok)
}
