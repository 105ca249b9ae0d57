//! Files that are closed are written, whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use api::Resource;
use store::Workspace;
use treasury::rails::file;

use super::{RailDir, Trouble};

/// How many files are looked for at a time.
const FILES_AT_ONCE: usize = 100;

impl RailDir {
    /// Writes all files of a workspace that are closed and do not stand in the folder yet.
    pub(super) fn write_files(&self, workspace: &Arc<Workspace>) -> Result<(), Trouble> {
        if workspace.number() == 0 {
            return Ok(());
        }
        loop {
            let files = self.read(workspace, |view| file::to_write(view, FILES_AT_ONCE))?;
            for file in &files {
                let (name, text) =
                    self.read(workspace, |view| Ok((file.name(view), file.text(view)?)))?;
                write(&self.folder.join("out"), &name, &text)
                    .map_err(|error| format!("out/{name}: {error}"))?;
                fail::fail_point!("rails_written", |_| std::process::abort());
                let id = file.id().to_owned();
                self.commit(workspace, move |tx| file::written(tx, &id))?;
                tracing::info!(name, "an ach file was written");
            }
            if files.len() < FILES_AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// Under its name there is never anything but the whole file.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let unfinished = folder.join(format!(".{name}.tmp"));
    let mut file = File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}
