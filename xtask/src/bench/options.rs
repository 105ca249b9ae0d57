//! What the developer may ask of a run.

use std::path::PathBuf;

use crate::process::Outcome;

#[derive(Debug)]
pub struct Options {
    pub kind: Kind,
    /// The length of a round.
    pub seconds: u64,
    /// How often each cell is measured; its best round counts.
    pub rounds: u64,
    pub smoke: bool,
    pub folder: Option<PathBuf>,
    /// Another build of the server, to compare with.
    pub program: Option<PathBuf>,
    pub payments_min: u64,
    pub growth_small: u64,
    pub growth_large: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    Whole,
    /// Only the bare server and the raw store: what the machine itself can do.
    Bare,
    Growth,
    /// Only the cells on PostgreSQL.
    Postgres,
    /// Only the deliveries.
    Webhooks,
}

impl Options {
    pub fn read(words: &[&str]) -> Outcome<Options> {
        let mut options = Options {
            kind: Kind::Whole,
            seconds: 0,
            rounds: 0,
            smoke: false,
            folder: None,
            program: None,
            payments_min: 0,
            growth_small: 10_000,
            growth_large: 1_000_000,
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word {
                "bare" => options.kind = Kind::Bare,
                "growth" => options.kind = Kind::Growth,
                "postgres" => options.kind = Kind::Postgres,
                "webhooks" => options.kind = Kind::Webhooks,
                "--smoke" => options.smoke = true,
                "--data" => options.folder = Some(value()?.into()),
                "--program" => options.program = Some(value()?.into()),
                "--seconds" => options.seconds = count(word, value()?)?,
                "--rounds" => options.rounds = count(word, value()?)?,
                "--payments" => options.payments_min = count(word, value()?)?,
                "--small" => options.growth_small = count(word, value()?)?,
                "--large" => options.growth_large = count(word, value()?)?,
                _ => return Err(format!("bench does not know {word}: see cargo xtask help")),
            }
        }
        if options.seconds == 0 {
            // The generator counts in whole seconds.
            options.seconds = if options.smoke { 1 } else { 5 };
        }
        if options.rounds == 0 {
            options.rounds = if options.smoke { 1 } else { 3 };
        }
        Ok(options)
    }
}

fn count(name: &str, value: &str) -> Outcome<u64> {
    value
        .parse()
        .ok()
        .filter(|&number| (1..=100_000_000).contains(&number))
        .ok_or_else(|| format!("{name} needs a count, not {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smoke_is_short_unless_told() -> Outcome<()> {
        assert_eq!(Options::read(&["--smoke"])?.seconds, 1);
        assert_eq!(Options::read(&["--smoke", "--seconds", "3"])?.seconds, 3);
        assert_eq!(Options::read(&["growth"])?.kind, Kind::Growth);
        Ok(())
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for words in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["--fast"]] {
            assert!(Options::read(words).is_err(), "{words:?}");
        }
    }
}
