//! `exchequer verify`: every rule of the books, checked on the rows alone.

use clap::Args;

use crate::{Ended, Exit};

#[derive(Args)]
pub struct Options {
    /// The file of the store
    #[arg(long, env = "EXCHEQUER_DATA")]
    data: String,
}

pub fn run(options: &Options) -> Result<(), Ended> {
    let _ = &options.data;
    Err(Ended::new(Exit::Failed, "not there yet"))
}
