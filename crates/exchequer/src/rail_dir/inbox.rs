//! Files of returns are read, applied, and put away with a report of what became of each entry.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nacha::returns::{self, Return};
use treasury::rails::file::read_company_id;
use treasury::rails::returns::{Entry, Verdict, apply};

use super::{RailDir, Trouble};

const FILE_BYTES_MAX: u64 = 32 << 20;
/// How many files are looked at at a time; others wait.
const FILES_MAX: usize = 1000;
/// How many entries one command applies.
const ENTRIES_AT_ONCE: usize = 200;
/// How many files of the same name can be put away.
const NAMESAKES_MAX: usize = 10_000;

/// The files that were there at the last look, with their sizes and times: one that still changes
/// is still being written.
#[derive(Default)]
pub struct Inbox(BTreeMap<PathBuf, (u64, SystemTime)>);

/// Why a file is not applied.
enum Refusal {
    /// It never can be.
    File(String),
    /// Something is in the way; part of it may have been applied.
    Now(Trouble),
}

impl RailDir {
    /// Applies the files that have not changed since the last look.
    pub(super) fn look(&self, inbox: &mut Inbox) -> Result<(), Trouble> {
        let found = list(&self.folder.join("in")).map_err(|error| format!("in: {error}"))?;
        let seen = std::mem::take(&mut inbox.0);
        for (path, state) in found {
            if seen.get(&path) != Some(&state) {
                inbox.0.insert(path, state);
                continue;
            }
            match self.process(&path, state.0) {
                Ok(report) => self.put_away(&path, "done", &report)?,
                Err(Refusal::File(why)) => {
                    tracing::warn!("{} is refused: {why}", path.display());
                    self.put_away(&path, "refused", &format!("{why}\n"))?;
                }
                Err(Refusal::Now(why)) => {
                    inbox.0.insert(path, state);
                    return Err(why);
                }
            }
        }
        Ok(())
    }

    /// What became of each entry of a file, a line each.
    fn process(&self, path: &Path, bytes: u64) -> Result<String, Refusal> {
        if bytes > FILE_BYTES_MAX {
            return Err(Refusal::File(format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        let bytes = fs::read(path).map_err(|error| Refusal::Now(error.to_string()))?;
        let digest = hex(&self.database.sealer.mac("ach returns", &bytes));
        let text =
            String::from_utf8(bytes).map_err(|_| Refusal::File("it is no text".to_owned()))?;
        let returns = returns::read(&text).map_err(|wrong| Refusal::File(wrong.to_string()))?;
        let verdicts = self.apply_all(&digest, &returns).map_err(Refusal::Now)?;
        fail::fail_point!("rails_applied", |_| std::process::abort());
        let lines = returns
            .iter()
            .zip(verdicts)
            .map(|(entry, verdict)| format!("{} {} {verdict}\n", entry.original_trace, entry.code));
        Ok(lines.collect())
    }

    fn apply_all(&self, digest: &str, returns: &[Return]) -> Result<Vec<Verdict>, Trouble> {
        let nobody = || Verdict::Refused("its originator is not known".to_owned());
        let mut verdicts: Vec<Verdict> = returns.iter().map(|_| nobody()).collect();
        let mut by_workspace = BTreeMap::<i64, Vec<(usize, Entry)>>::new();
        for (at, entry) in returns.iter().enumerate() {
            let Some((workspace, account)) = read_company_id(&entry.company_id) else { continue };
            let entry = Entry {
                account,
                trace: entry.original_trace.clone(),
                amount: entry.amount,
                code: entry.code.clone(),
            };
            by_workspace.entry(workspace).or_default().push((at, entry));
        }
        for (number, entries) in by_workspace {
            let workspace = self.workspace(number).map_err(|error| error.to_string())?;
            let Some(workspace) = workspace else { continue };
            for (part, chunk) in entries.chunks(ENTRIES_AT_ONCE).enumerate() {
                let (digest, chunk) = (digest.to_owned(), chunk.to_vec());
                let places: Vec<usize> = chunk.iter().map(|(at, _)| *at).collect();
                let entries: Vec<Entry> = chunk.into_iter().map(|(_, entry)| entry).collect();
                let found =
                    self.commit(&workspace, move |tx| apply(tx, &digest, part, &entries))?;
                for (at, verdict) in places.into_iter().zip(found) {
                    verdicts[at] = verdict;
                }
            }
        }
        Ok(verdicts)
    }

    /// Moves a file to where those of its kind are kept, and writes its report beside it.
    fn put_away(&self, path: &Path, kind: &str, report: &str) -> Result<(), Trouble> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = self.folder.join("in").join(kind);
        let namesakes = (2..NAMESAKES_MAX).map(|number| format!("{name}.{number}"));
        let mut names = std::iter::once(name.clone()).chain(namesakes);
        let free = names.find(|name| !folder.join(name).exists());
        let free = free.ok_or_else(|| format!("in/{kind} has too many files named {name}"))?;
        let trouble = |error: io::Error| format!("in/{kind}/{free}: {error}");
        fs::write(folder.join(format!("{free}.txt")), report).map_err(trouble)?;
        fs::rename(path, folder.join(&free)).map_err(trouble)
    }
}

/// The files of a folder by name, with size and time; hidden ones are not for us.
fn list(folder: &Path) -> io::Result<Vec<(PathBuf, (u64, SystemTime))>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.take(FILES_MAX) {
        let entry = entry?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let metadata = entry.metadata()?;
        if metadata.is_file() && !is_hidden {
            found.push((entry.path(), (metadata.len(), metadata.modified()?)));
        }
    }
    found.sort();
    Ok(found)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
