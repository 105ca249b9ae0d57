//! Objects and their places in the lists: those the objects declare, and no others.

use api::audit::{Audit, Row};
use api::resource::SORT_PREFIX_WIDTH;
use api::{View, list};
use store::{IndexKey, Result, Scope, StoredObject};

use super::order::Order;
use super::walk::{Place, Walk};

const OBJECTS: &str = "SELECT id, v, state FROM objects WHERE ws = ?1 AND acct = ?2 ORDER BY id";
const PLACES: &str = "SELECT field, value, id FROM object_index WHERE ws = ?1 AND acct = ?2 \
                      ORDER BY field, value, id";
const PLACE: &str = "SELECT count(*) FROM object_index \
                     WHERE ws = ?1 AND acct = ?2 AND field = ?3 AND value = ?4 AND id = ?5";
const PLACES_COUNT: &str = "SELECT count(*) FROM object_index WHERE ws = ?1 AND acct = ?2";

/// The kind of an id: what stands before the underscore.
pub fn prefix_of(id: &str) -> &str {
    id.split_once('_').map_or("", |(prefix, _)| prefix)
}

impl Walk<'_> {
    pub fn objects(&mut self, place: &Place, scope: Scope) -> Result<()> {
        let view = self.view(place, scope);
        let mut declared = 0;
        let mut order = Order::new(place, &view);
        let read = |row: &rusqlite::Row<'_>| {
            let version: i64 = row.get(1)?;
            let version = u32::try_from(version).unwrap_or(u32::MAX);
            Ok(StoredObject { id: row.get(0)?, version, state: row.get(2)? })
        };
        self.each("objects", OBJECTS, &[&scope.ws, &scope.acct], read, |walk, stored| {
            walk.totals.objects += 1;
            declared += walk.object(&view, scope, &stored, &mut order)?;
            Ok(())
        })?;
        self.newest_id = self.newest_id.max(order.newest);
        // As many as are declared, all of which are there: no need to look for others.
        if self.count(PLACES_COUNT, &[&scope.ws, &scope.acct])? != declared {
            self.stray_places(&view, scope)?;
        }
        Ok(())
    }

    /// One object: how many places in the lists of its own it has.
    fn object(
        &mut self,
        view: &View<'_>,
        scope: Scope,
        stored: &StoredObject,
        order: &mut Order,
    ) -> Result<i64> {
        let mut row = self.findings.at("objects", scope, &stored.id);
        let Some(audit) = self.kinds.get(prefix_of(&stored.id)) else {
            row.wrong("an object of this kind is not known");
            return Ok(0);
        };
        let keys = keys_of(audit, view, stored, order, &mut row);
        let mut find = self.rows.prepare_cached(PLACE)?;
        let mut there = 0;
        for key in keys {
            let values = (scope.ws, scope.acct, key.field, &key.value, &key.sort);
            let found: i64 = find.query_row(values, |row| row.get(0))?;
            let (field, value) = (key.field, &key.value);
            row.must(found == 1, format!("its row of object_index for {field} {value} is missing"));
            there += found;
        }
        Ok(there)
    }

    /// Names the places that no object declares.
    fn stray_places(&mut self, view: &View<'_>, scope: Scope) -> Result<()> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        };
        let values: [&dyn rusqlite::ToSql; 2] = [&scope.ws, &scope.acct];
        self.each("object_index", PLACES, &values, read, |walk, (field, value, sort)| {
            let id = if sort.as_bytes().get(SORT_PREFIX_WIDTH - 1) == Some(&b'|') {
                list::id_of_sort_key(&sort)
            } else {
                &sort
            };
            let stored = walk.reader.object(scope, id)?;
            let place = format!("{field} {value}, {sort}");
            let mut row = walk.findings.at("object_index", scope, &place);
            let Some(stored) = stored else {
                row.wrong(format!("its object {id} is not there"));
                return Ok(());
            };
            let Some(audit) = walk.kinds.get(prefix_of(id)) else { return Ok(()) };
            // What is wrong with the object itself has been told.
            let mut unheard = api::audit::Findings::default();
            let declared = (audit.check)(view, &stored, &mut unheard.at("", scope, ""));
            let is_declared = declared.is_none_or(|declared| {
                let mut keys = declared.places.iter();
                keys.any(|k| k.field == field && k.value == value && k.sort == sort)
            });
            row.must(is_declared, format!("its object {id} does not declare it"));
            Ok(())
        })
    }
}

/// The places that an object declares, each once.
fn keys_of(
    audit: &Audit,
    view: &View<'_>,
    stored: &StoredObject,
    order: &mut Order,
    row: &mut Row<'_>,
) -> Vec<IndexKey> {
    let Some(declared) = (audit.check)(view, stored, row) else { return Vec::new() };
    order.check(&stored.id, declared.created, row);
    let mut keys = declared.places;
    keys.sort_unstable();
    keys.dedup();
    keys
}
