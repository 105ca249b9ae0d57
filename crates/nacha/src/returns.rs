//! Files of returns: what other banks send back, entry by entry, each with its reason.
//!
//! A returned entry is a copy of the original with an addenda record of the type 99, which names
//! the reason and the trace number of the original. The whole file is checked before any of it is
//! told: records, order, counts, sums and hashes.

use std::fmt;

use crate::record::bank_digits;
use crate::{BLOCK_RECORDS, RECORD_CHARS, Sums, text_of};

/// An entry that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The originator's identification, as it was sent.
    pub company_id: String,
    pub amount: i64,
    /// `R01` to `R85`.
    pub code: String,
    /// The trace number of the original entry.
    pub original_trace: String,
    /// The trace number of the return.
    pub trace: String,
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The record, counted from one; none where the file as a whole is wrong.
    pub record: Option<usize>,
    pub why: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record {
            Some(record) => write!(f, "record {record}: {}", self.why),
            None => f.write_str(self.why),
        }
    }
}

/// All returns of a file, in its order. Notifications of change (addenda of the type 98) are not
/// returns, and passed over.
pub fn read(text: &str) -> Result<Vec<Return>, Wrong> {
    let records: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let whole = |why| Wrong { record: None, why };
    if records.is_empty() {
        return Err(whole("the file is empty"));
    }
    let mut reading = Reading::default();
    for (number, record) in (1..).zip(&records) {
        reading.take(record).map_err(|why| Wrong { record: Some(number), why })?;
    }
    if reading.place != Place::End {
        return Err(whole("the file has no end"));
    }
    if !records.len().is_multiple_of(BLOCK_RECORDS) {
        return Err(whole("the last block of ten records is not full"));
    }
    Ok(reading.returns)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    File,
    Batch,
    /// After an entry that has an addenda record.
    Entry,
    End,
}

#[derive(Default)]
struct Reading {
    place: Place,
    records: i64,
    batches: i64,
    company_id: String,
    amount: i64,
    batch: Sums,
    file: Sums,
    returns: Vec<Return>,
}

impl Reading {
    fn take(&mut self, record: &str) -> Result<(), &'static str> {
        if record.len() != RECORD_CHARS || !record.is_ascii() {
            return Err("it does not have 94 plain characters");
        }
        self.records += 1;
        match (self.place, record.as_bytes().first()) {
            (Place::Start, Some(b'1')) => self.place = Place::File,
            (Place::File, Some(b'5')) => {
                self.company_id = text_of(record, 40, 10).trim().to_owned();
                self.batch = Sums::default();
                self.place = Place::Batch;
            }
            (Place::Batch, Some(b'6')) => self.entry(record)?,
            (Place::Entry, Some(b'7')) => self.addenda(record)?,
            (Place::Batch, Some(b'8')) => self.batch_control(record)?,
            (Place::File, Some(b'9')) => self.control(record)?,
            (Place::End, Some(b'9')) if record.bytes().all(|byte| byte == b'9') => {}
            _ => return Err("a record of this type cannot stand here"),
        }
        Ok(())
    }

    fn entry(&mut self, record: &str) -> Result<(), &'static str> {
        let amount = number(record, 29, 10)?;
        // The last digit says which way the money goes; the first one, to what account.
        let (debit, credit) = match record.as_bytes().get(2) {
            Some(b'1'..=b'4') => (0, amount),
            Some(b'6'..=b'9') => (amount, 0),
            _ => return Err("its transaction code is not known"),
        };
        let hash = bank_digits(text_of(record, 3, 9));
        self.batch = self.batch.plus(Sums { entries: 1, hash, debit, credit });
        self.amount = amount;
        if text_of(record, 78, 1) != "1" {
            return Err("a returned entry has an addenda record");
        }
        self.place = Place::Entry;
        Ok(())
    }

    fn addenda(&mut self, record: &str) -> Result<(), &'static str> {
        self.batch.entries += 1;
        self.place = Place::Batch;
        match text_of(record, 1, 2) {
            "99" => {}
            "98" => return Ok(()),
            _ => return Err("its addenda type is neither 98 nor 99"),
        }
        let code = text_of(record, 3, 3);
        if !is_return_code(code) {
            return Err("its return reason is not one of R01 to R85");
        }
        let original_trace = text_of(record, 6, 15);
        if !original_trace.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("the trace number of the original entry has 15 digits");
        }
        self.returns.push(Return {
            company_id: self.company_id.clone(),
            amount: self.amount,
            code: code.to_owned(),
            original_trace: original_trace.to_owned(),
            trace: text_of(record, 79, 15).to_owned(),
        });
        Ok(())
    }

    fn batch_control(&mut self, record: &str) -> Result<(), &'static str> {
        let told = Sums {
            entries: number(record, 4, 6)?,
            hash: number(record, 10, 10)?,
            debit: number(record, 20, 12)?,
            credit: number(record, 32, 12)?,
        };
        if told != self.batch {
            return Err("the batch has other counts, sums or hashes than its control says");
        }
        self.file = self.file.plus(self.batch);
        self.batches += 1;
        self.place = Place::File;
        Ok(())
    }

    fn control(&mut self, record: &str) -> Result<(), &'static str> {
        let told = Sums {
            entries: number(record, 13, 8)?,
            hash: number(record, 21, 10)?,
            debit: number(record, 31, 12)?,
            credit: number(record, 43, 12)?,
        };
        if told != self.file || number(record, 1, 6)? != self.batches {
            return Err("the file has other counts, sums or hashes than its control says");
        }
        self.place = Place::End;
        Ok(())
    }
}

fn number(record: &str, at: usize, width: usize) -> Result<i64, &'static str> {
    let digits = text_of(record, at, width);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number).ok_or("a number has other characters than digits")
}

fn is_return_code(code: &str) -> bool {
    let number = code.strip_prefix('R').filter(|digits| digits.len() == 2);
    let number = number.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|digits| digits.parse::<u8>().ok()).is_some_and(|n| (1..=85).contains(&n))
}
