//! Changing an object: what did not change is neither kept again nor told.

use std::sync::Arc;

use api::{Json, Resource, Result, Tx};

/// Keeps a changed object and tells what changed. A request that changes nothing causes no event.
pub fn save_changed<T: Resource>(
    tx: &mut Tx<'_>,
    before: Arc<T>,
    after: T,
    event: &'static str,
) -> Result<Arc<T>> {
    let old = tx.render(&*before)?;
    if tx.render(&after)? == old {
        // What is not shown may have changed all the same.
        return tx.save(after);
    }
    let after = tx.save(after)?;
    tx.event_changed(event, &old, &*after)?;
    Ok(after)
}

/// A list that is there and has nothing in it.
pub fn empty_list(url: String) -> Json {
    api::operation::list_object(Vec::new(), false, url)
}
