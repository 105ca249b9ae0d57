//! ACH files: the records that banks exchange, 94 characters each.
//!
//! A file is written from what it says ([`File::text`]), and files of returns are read
//! ([`returns::read`]). Nothing here knows of the API, of a store or of a clock.
//!
//! ```text
//! 1 file header
//!   5 batch header      one originator, one class, one description
//!     6 entry           one credit or debit
//!   8 batch control     counts, sums, the hash of the banks
//! 9 file control
//! 9999…                 up to a multiple of ten records
//! ```

mod record;
pub mod returns;

use record::{Record, text_of};

/// The characters of a record, and the records of a block.
pub const RECORD_CHARS: usize = 94;
pub const BLOCK_RECORDS: usize = 10;

/// The most that the twelve digits of a sum can say, in cents.
pub const SUM_MAX: i64 = 999_999_999_999;

/// A bank by its routing number, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bank {
    pub routing_number: String,
    pub name: String,
}

/// A file of credits and debits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub destination: Bank,
    pub origin: Bank,
    /// `YYMMDD` and `HHMM`.
    pub created: (String, String),
    /// Which of the day's files it is: `A` to `Z`, then `0` to `9`.
    pub modifier: char,
    /// Eight characters of one's own.
    pub reference: String,
    pub batches: Vec<Batch>,
}

/// What one originator sends or pulls in one class, under one description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub company_name: String,
    /// Ten characters, which come back with what is returned.
    pub company_id: String,
    pub direction: Direction,
    pub class: Class,
    /// What the receivers read.
    pub description: String,
    /// `YYMMDD`: when it should settle.
    pub effective: String,
    pub entries: Vec<Entry>,
}

/// Which way the money of a batch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To the receivers.
    Credit,
    /// From them.
    Debit,
}

impl Direction {
    fn service_class(self) -> &'static str {
        match self {
            Direction::Credit => "220",
            Direction::Debit => "225",
        }
    }
}

/// Whose account it is, as the rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A company.
    Ccd,
    /// A person.
    Ppd,
}

impl Class {
    fn code(self) -> &'static str {
        match self {
            Class::Ccd => "CCD",
            Class::Ppd => "PPD",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub is_savings: bool,
    /// Nine digits.
    pub routing_number: String,
    pub account_number: String,
    /// In cents, at most ten digits.
    pub amount: i64,
    pub receiver_id: String,
    pub receiver_name: String,
    /// Fifteen digits; the first eight are those of the originating bank.
    pub trace: String,
}

/// What the controls count and add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    entries: i64,
    /// Of the first eight digits of the receiving banks.
    hash: i64,
    debit: i64,
    credit: i64,
}

impl Sums {
    /// The last ten digits of the hash are kept.
    const HASH: i64 = 10_000_000_000;

    fn plus(self, other: Sums) -> Sums {
        Sums {
            entries: self.entries.saturating_add(other.entries),
            hash: self.hash.saturating_add(other.hash) % Sums::HASH,
            debit: self.debit.saturating_add(other.debit),
            credit: self.credit.saturating_add(other.credit),
        }
    }
}

impl File {
    /// The whole file, a line for each record.
    pub fn text(&self) -> String {
        let mut records = vec![self.header()];
        let mut sums = Sums::default();
        for (number, batch) in (1..).zip(&self.batches) {
            let of_batch = batch.sums();
            records.push(self.batch_header(batch, number));
            records.extend(batch.entries.iter().map(|entry| entry.record(batch.direction)));
            records.push(self.batch_control(batch, number, of_batch));
            sums = sums.plus(of_batch);
        }
        let blocks = (records.len() + 1).div_ceil(BLOCK_RECORDS);
        records.push(self.control(blocks, sums));
        records.resize(blocks * BLOCK_RECORDS, "9".repeat(RECORD_CHARS));
        let mut text = records.join("\n");
        text.push('\n');
        text
    }

    fn header(&self) -> String {
        Record::new('1')
            .text("01", 2)
            .right(&self.destination.routing_number, 10)
            .right(&self.origin.routing_number, 10)
            .text(&self.created.0, 6)
            .text(&self.created.1, 4)
            .text(&self.modifier.to_string(), 1)
            .text("094", 3)
            .text("10", 2)
            .text("1", 1)
            .text(&self.destination.name, 23)
            .text(&self.origin.name, 23)
            .text(&self.reference, 8)
            .done()
    }

    /// The eight digits by which the originating bank is named in batches and traces.
    fn originating_bank(&self) -> &str {
        let digits = &self.origin.routing_number;
        digits.get(..8).unwrap_or(digits)
    }

    fn batch_header(&self, batch: &Batch, number: i64) -> String {
        Record::new('5')
            .text(batch.direction.service_class(), 3)
            .text(&batch.company_name, 16)
            .blank(20)
            .text(&batch.company_id, 10)
            .text(batch.class.code(), 3)
            .text(&batch.description, 10)
            .blank(6)
            .text(&batch.effective, 6)
            // The operator writes the day of settlement here.
            .blank(3)
            // The originating bank is one under the rules of the network.
            .text("1", 1)
            .text(self.originating_bank(), 8)
            .number(number, 7)
            .done()
    }

    fn batch_control(&self, batch: &Batch, number: i64, sums: Sums) -> String {
        Record::new('8')
            .text(batch.direction.service_class(), 3)
            .number(sums.entries, 6)
            .number(sums.hash, 10)
            .number(sums.debit, 12)
            .number(sums.credit, 12)
            .text(&batch.company_id, 10)
            .blank(19)
            .blank(6)
            .text(self.originating_bank(), 8)
            .number(number, 7)
            .done()
    }

    fn control(&self, blocks: usize, sums: Sums) -> String {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        Record::new('9')
            .number(count(self.batches.len()), 6)
            .number(count(blocks), 6)
            .number(sums.entries, 8)
            .number(sums.hash, 10)
            .number(sums.debit, 12)
            .number(sums.credit, 12)
            .blank(39)
            .done()
    }
}

impl Batch {
    fn sums(&self) -> Sums {
        let one = |entry: &Entry| {
            let hash = record::bank_digits(&entry.routing_number);
            let (debit, credit) = match self.direction {
                Direction::Credit => (0, entry.amount),
                Direction::Debit => (entry.amount, 0),
            };
            Sums { entries: 1, hash, debit, credit }
        };
        self.entries.iter().map(one).fold(Sums::default(), Sums::plus)
    }
}

impl Entry {
    fn record(&self, direction: Direction) -> String {
        let code = match (direction, self.is_savings) {
            (Direction::Credit, false) => "22",
            (Direction::Credit, true) => "32",
            (Direction::Debit, false) => "27",
            (Direction::Debit, true) => "37",
        };
        Record::new('6')
            .text(code, 2)
            .text(&self.routing_number, 9)
            .text(&self.account_number, 17)
            .number(self.amount, 10)
            .text(&self.receiver_id, 15)
            .text(&self.receiver_name, 22)
            .blank(2)
            // No addenda follow.
            .text("0", 1)
            .text(&self.trace, 15)
            .done()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
