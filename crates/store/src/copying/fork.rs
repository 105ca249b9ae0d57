//! What becomes of the rows of a workspace on their way into that of another key.
//!
//! Objects keep their ids. Only the platform's own account has another id there, wherever it
//! stands; answers that show it are sealed anew. What was still to be delivered stays behind: it is
//! the other workspace that has to tell it.

use crate::seal::Sealer;
use crate::tables::{Row, TABLES, Value};
use crate::{Reader, Result, StoreError, id};

pub struct Renaming<'a> {
    pub sealer: &'a Sealer,
    /// The rows' number where they come from.
    pub from: i64,
    /// The ids of the platform's account, here and there.
    pub account: [String; 2],
}

impl Renaming<'_> {
    pub fn change(&self, reader: &dyn Reader, table: usize, mut row: Row) -> Result<Option<Row>> {
        let of = &TABLES[table];
        let at = |name: &str| of.column(name).unwrap_or(usize::MAX);
        match of.name {
            "deliveries" if row.get(at("due")) != Some(&Value::None) => return Ok(None),
            "events" => self.count_targets(reader, &mut row, at("id"), at("targets"))?,
            "answers" => self.seal_anew(&mut row, at("body"))?,
            "object_index" => self.rename_part(&mut row, at("field"), at("value")),
            _ => {}
        }
        let [here, there] = &self.account;
        for value in &mut row {
            if let Value::Text(text) = value
                && text.contains(here.as_str())
            {
                *text = text.replace(here.as_str(), there);
            }
        }
        Ok(Some(row))
    }

    /// An event has as many targets as deliveries come along.
    fn count_targets(
        &self,
        reader: &dyn Reader,
        row: &mut Row,
        id: usize,
        targets: usize,
    ) -> Result<()> {
        let Some(Value::Text(id)) = row.get(id) else { return Ok(()) };
        let Some(Value::Int(1..)) = row.get(targets) else { return Ok(()) };
        let deliveries = reader.deliveries(self.from, id)?;
        let left = deliveries.iter().filter(|(_, delivery)| delivery.due.is_none()).count();
        if let Some(value) = row.get_mut(targets) {
            *value = Value::Int(i64::try_from(left).unwrap_or(i64::MAX));
        }
        Ok(())
    }

    fn seal_anew(&self, row: &mut Row, body: usize) -> Result<()> {
        let Some(Value::Bytes(sealed)) = row.get_mut(body) else { return Ok(()) };
        let [here, there] = &self.account;
        let text = String::from_utf8(self.sealer.unseal(sealed)?)
            .map_err(|_| StoreError::Corrupt("a kept answer is no text".into()))?;
        *sealed = self.sealer.seal(text.replace(here.as_str(), there).as_bytes());
        Ok(())
    }

    /// Accounts are found by the part of their id that the ids of their objects carry.
    fn rename_part(&self, row: &mut Row, field: usize, value: usize) {
        let [here, there] = &self.account;
        let is_part = row.get(field) == Some(&Value::Text("part".into()));
        if let Some(Value::Text(part)) = row.get_mut(value)
            && is_part
            && part == id::account_part(here)
        {
            *part = id::account_part(there).to_owned();
        }
    }
}
