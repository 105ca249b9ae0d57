//! The count over all test programs, from the line each of them ends with.

use std::fmt;

use crate::process::Outcome;

#[derive(Default, Debug, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// Counts a test that is no cargo test, and tells why it failed.
    pub fn count(&mut self, outcome: &Outcome<()>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(message) => {
                println!("{message}");
                self.failed += 1;
            }
        }
    }

    /// Reads a line of output. `test result: ok. 5 passed; 0 failed; 0 ignored; …` counts; what
    /// a test prints itself is captured by its runner, so no other line looks like that.
    pub fn read(&mut self, line: &str) {
        let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<u64>().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// What failed without being counted, such as a build or a test program that crashed, is a
    /// failure all the same.
    pub fn fail_unless_counted(&mut self) {
        self.failed = self.failed.max(1);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_the_summaries_and_nothing_else() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests\n",
            "test ledger::balances ... ok\n",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
             finished in 0.01s\n",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n",
            "9 passed; 9 failed\n",
        ] {
            tally.read(line);
        }
        assert_eq!(tally, Tally { passed: 16, failed: 2 });
        assert_eq!(tally.to_string(), "16 passed, 2 failed");
    }

    #[test]
    fn a_crash_that_no_summary_counts_is_one_failure() {
        let mut tally = Tally { passed: 3, failed: 0 };
        tally.fail_unless_counted();
        assert_eq!(tally, Tally { passed: 3, failed: 1 });
    }
}
