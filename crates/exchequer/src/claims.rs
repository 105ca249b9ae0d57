//! On a database that several programs share: looks after what is due in workspaces that nobody
//! else looks after, so that work of a program that died goes on elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use delivery::Delivery;
use store::postgres::Due;
use store::{Database, Registry};

use crate::rail_dir::RailDir;
use crate::scheduler::Scheduler;

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How many workspaces' versions are remembered.
const SEEN_MAX: usize = 10_000;

pub struct Claims {
    database: Arc<Database>,
    registry: Arc<Registry>,
    scheduler: Arc<Scheduler>,
    delivery: Arc<Delivery>,
    /// Files that a program did not get to write are written by another.
    rails: Option<Weak<RailDir>>,
    /// The version at which a workspace was last looked after.
    seen: HashMap<i64, i64>,
}

impl Claims {
    pub fn new(
        database: &Arc<Database>,
        registry: &Arc<Registry>,
        scheduler: &Arc<Scheduler>,
        delivery: &Arc<Delivery>,
        rails: Option<&Arc<RailDir>>,
    ) -> Claims {
        Claims {
            database: database.clone(),
            registry: registry.clone(),
            scheduler: scheduler.clone(),
            delivery: delivery.clone(),
            rails: rails.map(Arc::downgrade),
            seen: HashMap::new(),
        }
    }

    pub async fn run(mut self) {
        let mut is_failing = false;
        loop {
            match self.database.claim() {
                Ok(found) => {
                    is_failing = false;
                    for due in found {
                        self.look_after(due);
                    }
                }
                // Told once for each time the database is away.
                Err(error) if !is_failing => {
                    is_failing = true;
                    tracing::error!(%error, "what is due cannot be looked for");
                }
                Err(_) => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn look_after(&mut self, due: Due) {
        let Due { row, version, until } = due;
        let (number, state) = (row.number, row.state);
        let workspace = self.registry.adopt(row);
        workspace.learn(number, version, state);
        let was_ours = workspace.is_ours();
        workspace.lease_until(until);
        self.scheduler.note(&workspace);
        if self.seen.len() >= SEEN_MAX {
            self.seen.clear();
        }
        let is_new = self.seen.insert(number, version) != Some(version);
        if is_new || !was_ours {
            self.delivery.look_after(&workspace);
            if let Some(rails) = self.rails.as_ref().and_then(Weak::upgrade) {
                rails.note(&workspace);
            }
        }
    }
}
