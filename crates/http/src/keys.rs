//! Who calls: API keys, and the workspace each of them opens.
//!
//! Out of the box every well-formed test key works, and each distinct one is a sandbox of its own.
//! With a file of keys only those in it work, live ones included, and each does what it may.

pub mod events;
mod file;
pub mod permissions;
mod refusals;
mod shape;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use api::ApiError;
use hyper::http::request::Parts;
use store::{Database, Registry, Workspace};

use crate::limits::CALLERS_CACHED_MAX;
use file::Known;
use permissions::{Catalogue, Granted};
use shape::{account_of, key_id, masked, parts, sha256};

pub use refusals::{never, no_key};

/// The shortest tail of a test key in open mode.
const OPEN_TAIL_CHARS_MIN: usize = 3;

/// The address that a connection comes from; the server puts it into each request.
#[derive(Clone, Copy)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// A request without one comes from nowhere that a list could allow.
    pub fn of(parts: &Parts) -> IpAddr {
        parts.extensions.get::<Peer>().map_or(Ipv6Addr::UNSPECIFIED.into(), |peer| peer.0)
    }
}

/// A caller whose key is good.
pub struct Caller {
    pub workspace: Arc<Workspace>,
    /// The key with its middle hidden, for messages.
    pub masked: String,
    key_id: String,
    /// What a restricted key may do; a secret key may do everything.
    granted: Option<Granted>,
}

/// Which keys are good.
enum Rule {
    Open,
    /// By the SHA-256 of the key: the file's secrets are forgotten once read.
    Listed(HashMap<[u8; 32], Known>),
}

pub struct Keys {
    rule: Rule,
    registry: Arc<Registry>,
    database: Arc<Database>,
    callers: Mutex<HashMap<[u8; 32], Arc<Caller>>>,
}

/// What a good key stands for.
struct Identity {
    account: String,
    livemode: bool,
    workspace: [u8; 32],
    granted: Option<Granted>,
}

impl Keys {
    pub fn open(registry: Arc<Registry>, database: Arc<Database>) -> Keys {
        Keys { rule: Rule::Open, registry, database, callers: Mutex::default() }
    }

    /// Only the keys of that file, which is TOML with one `[[key]]` for each.
    pub fn listed(
        text: &str,
        catalogue: &Catalogue,
        registry: Arc<Registry>,
        database: Arc<Database>,
    ) -> Result<Keys, String> {
        let rule = Rule::Listed(file::read(text, catalogue)?);
        Ok(Keys { rule, registry, database, callers: Mutex::default() })
    }

    pub fn is_open(&self) -> bool {
        matches!(self.rule, Rule::Open)
    }

    /// The caller with that key at that address, or the refusal.
    pub fn caller(&self, key: &str, from: IpAddr) -> Result<Arc<Caller>, KeyError> {
        let hash = sha256(key.as_bytes());
        let refused = KeyError::Refused;
        // Whether a key of the file is still good can change between two requests.
        if let Rule::Listed(known) = &self.rule {
            let known = known.get(&hash).ok_or_else(|| refused(refusals::invalid_key(key)))?;
            admit(known, key, from).map_err(refused)?;
        }
        if let Some(caller) = self.callers().get(&hash) {
            return Ok(caller.clone());
        }
        let identity = self.identify(key, &hash).map_err(refused)?;
        let Identity { account, livemode, workspace: tail, granted } = identity;
        let key_id = key_id(&hash, &account);
        let fresh = || Workspace::new(tail, account, livemode);
        let found = self.database.read(|reader| self.registry.get(&tail, reader, fresh));
        let workspace = found.and_then(|inner| inner).map_err(KeyError::Store)?;
        let caller = Arc::new(Caller { workspace, masked: masked(key), key_id, granted });
        let mut callers = self.callers();
        if callers.len() >= CALLERS_CACHED_MAX {
            callers.clear();
        }
        callers.insert(hash, caller.clone());
        Ok(caller)
    }

    fn callers(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<Caller>>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Account, mode, workspace and permissions of a key.
    fn identify(&self, key: &str, hash: &[u8; 32]) -> Result<Identity, ApiError> {
        let invalid = || refusals::invalid_key(key);
        match &self.rule {
            Rule::Open => {
                let (kind, livemode, tail) = parts(key).ok_or_else(invalid)?;
                if livemode || tail.len() < OPEN_TAIL_CHARS_MIN {
                    return Err(invalid());
                }
                if kind == "pk_" {
                    return Err(refusals::publishable());
                }
                let workspace = sha256(format!("sandbox test {tail}").as_bytes());
                Ok(Identity { account: account_of(tail), livemode, workspace, granted: None })
            }
            // The map is looked up by a hash: no comparison with a secret takes longer the more of
            // it is right.
            Rule::Listed(known) => {
                let Known { account, livemode, granted, .. } =
                    known.get(hash).cloned().ok_or_else(invalid)?;
                let workspace = workspace_of(&account, livemode);
                Ok(Identity { account, livemode, workspace, granted })
            }
        }
    }

    /// The same account in the other mode, if anything was ever kept there.
    pub fn sibling(&self, workspace: &Workspace) -> Option<Arc<Workspace>> {
        if self.is_open() {
            return None;
        }
        let (account, livemode) = (workspace.account.clone(), !workspace.livemode);
        let tail = workspace_of(&account, livemode);
        let fresh = || Workspace::new(tail, account, livemode);
        let found = self.database.read(|reader| self.registry.get(&tail, reader, fresh));
        found.and_then(|inner| inner).ok().filter(|sibling| sibling.number() != 0)
    }
}

/// The checks of a key that stands in the file.
fn admit(known: &Known, key: &str, from: IpAddr) -> Result<(), ApiError> {
    if known.publishable {
        return Err(refusals::publishable());
    }
    let now = store::workspace::machine_now() / 1000;
    if known.expires_at.is_some_and(|at| at <= now) {
        return Err(refusals::expired(key));
    }
    if !known.may_come_from(from) {
        return Err(refusals::foreign_address(from.to_canonical()));
    }
    Ok(())
}

fn workspace_of(account: &str, livemode: bool) -> [u8; 32] {
    sha256(format!("account {livemode} {account}").as_bytes())
}

/// Why a key opens nothing.
pub enum KeyError {
    Refused(ApiError),
    Store(store::StoreError),
}
