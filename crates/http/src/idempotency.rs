//! Idempotency keys: the first answer to a key is kept with what the request did, in the same
//! batch, and given again to every later request with that key.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use api::app::ANSWER_KEPT_MS;
use api::error::ErrorType;
use api::form::Bag;
use api::{ApiError, Json, Tx};
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use store::{AnswerKey, AnswerRow, Session, StoreError};

use crate::limits::IDEMPOTENCY_KEY_CHARS_MAX;

/// A key as one request gave it.
#[derive(Clone, Debug)]
pub struct Key {
    pub text: String,
    pub hash: i64,
    pub fingerprint: Vec<u8>,
    pub path: String,
}

/// How many bytes of the request's keyed hash are kept to compare.
const FINGERPRINT_BYTES: usize = 16;

impl Key {
    pub fn check(text: &str) -> Result<(), ApiError> {
        let count = text.chars().count();
        if (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&count) {
            return Ok(());
        }
        Err(misuse(format!(
            "Idempotent key length is {count} characters long, which is outside accepted lengths. \
             Idempotent Keys must be 1-{IDEMPOTENCY_KEY_CHARS_MAX} characters long. If you're \
             looking for a decent generator, try using a UUID defined by IETF RFC 4122."
        )))
    }

    /// What the request is, apart from how it is spelt: method, path and normalised parameters.
    pub fn new(sealer: &store::seal::Sealer, text: &str, path: &str, bag: &Bag) -> Key {
        let mut request = Vec::with_capacity(512);
        request.extend_from_slice(b"POST ");
        request.extend_from_slice(path.as_bytes());
        request.push(b'\n');
        bag.canonical(&mut request);
        let fingerprint = sealer.mac("request", &request)[..FINGERPRINT_BYTES].to_vec();
        let hashed = digest(&SHA256, text.as_bytes());
        let mut first = [0u8; 8];
        first.copy_from_slice(&hashed.as_ref()[..8]);
        let hash = i64::from_be_bytes(first);
        Key { text: text.to_owned(), hash, fingerprint, path: path.to_owned() }
    }

    /// The kept answer to this key, if there is one that still counts.
    pub fn kept(&self, session: &Session<'_>, acct: i64) -> Result<Option<AnswerRow>, StoreError> {
        let rows = session.answers(acct, self.hash)?;
        let counts =
            |row: &AnswerRow| row.key == self.text && row.created + ANSWER_KEPT_MS > session.now;
        Ok(rows.into_iter().find(counts))
    }

    /// The refusal of a key that was first used for something else.
    pub fn mismatch(&self, row: &AnswerRow) -> Option<ApiError> {
        let key = &self.text;
        if row.path != self.path {
            return Some(misuse(format!(
                "Keys for idempotent requests can only be used for the same endpoint they were \
                 first used for ('{}' vs '{}'). Try using a key other than '{key}' if you meant to \
                 execute a different request.",
                self.path, row.path
            )));
        }
        (row.fingerprint != self.fingerprint).then(|| {
            misuse(format!(
                "Keys for idempotent requests can only be used with the same parameters they were \
                 first used with. Try using a key other than '{key}' if you meant to execute a \
                 different request."
            ))
        })
    }

    /// Keeps the answer. One that is word for word an event's object only names the event.
    pub fn keep(
        &self,
        tx: &mut Tx<'_>,
        request: &str,
        status: u16,
        json: &Json,
    ) -> Result<(), StoreError> {
        let event = if status == 200 { tx.event_saying(json) } else { None };
        let body = match event {
            Some(_) => None,
            None => Some(tx.session.sealer.seal(json.compact().as_bytes())),
        };
        let row = AnswerRow {
            acct: tx.owner.number,
            hash: self.hash,
            key: self.text.clone(),
            fingerprint: self.fingerprint.clone(),
            path: self.path.clone(),
            request: request.to_owned(),
            status,
            created: tx.session.now,
            event,
            body,
        };
        tx.session.state.answers += 1;
        let key = AnswerKey { ws: tx.session.number, seq: tx.session.state.answers };
        tx.session.write()?.answers.put(key, row);
        tx.plan_sweep();
        Ok(())
    }
}

/// The bytes of a kept answer, as they were given first.
pub fn body_of(session: &Session<'_>, row: &AnswerRow) -> Result<Bytes, StoreError> {
    let gone = || StoreError::Corrupt("a kept answer has no body".into());
    let text = match (&row.event, &row.body) {
        (Some(event), _) => session.event(row.acct, event)?.ok_or_else(gone)?.object,
        (None, Some(sealed)) => {
            String::from_utf8(session.sealer.unseal(sealed)?).map_err(|_| gone())?
        }
        (None, None) => return Err(gone()),
    };
    Ok(Bytes::from(Json::Raw(text).pretty()))
}

pub fn misuse(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).kind(ErrorType::IdempotencyError)
}

fn in_use(key: &str) -> ApiError {
    ApiError::invalid(format!(
        "There is currently another in-progress request using this Idempotent Key (that probably \
         means you submitted twice, and the other request is still going through): {key}. Please \
         try again later."
    ))
    .kind(ErrorType::IdempotencyError)
    .code("idempotency_key_in_use")
    .status(409)
}

type Held = (store::workspace::Tail, i64, String);

/// Keys of requests in progress. A second request with one of them is told so at once.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<Held>>>);

/// Holds a key for as long as its request runs.
pub struct Hold {
    keys: InFlight,
    held: Held,
}

impl InFlight {
    pub fn hold(
        &self,
        workspace: &store::Workspace,
        acct: i64,
        key: &str,
    ) -> Result<Hold, ApiError> {
        let held = (workspace.tail, acct, key.to_owned());
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.insert(held.clone()) {
            return Err(in_use(key));
        }
        Ok(Hold { keys: self.clone(), held })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.held);
    }
}
