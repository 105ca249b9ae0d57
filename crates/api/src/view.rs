//! What an operation sees: [`View`] to read, [`Tx`] to change. Neither has a socket, the machine's
//! clock or randomness of its own.

use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use store::{
    DeliveryKey, DeliveryRow, EventKey, EventRow, JobRow, Millis, ObjectKey, ObjectRow, PostingKey,
    PostingRow, Session,
};

use crate::app::App;
use crate::error::{ApiError, Failure, Result};
use crate::expand::Include;
use crate::json::{Json, previous_attributes};
use crate::resource::{Index, Resource, decode, is_id_of};

/// Whose objects: an account of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// 0 for the platform.
    pub number: i64,
    pub id: String,
}

/// The request that a command belongs to; a job has none.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    pub id: String,
    pub idempotency_key: Option<String>,
    /// The caller's key with its middle hidden, for messages.
    pub masked_key: String,
}

/// A reading of one workspace at one time, as one of its accounts.
pub struct View<'a> {
    pub session: Session<'a>,
    pub app: &'a App,
    pub owner: Owner,
    pub request: Option<RequestInfo>,
}

impl<'a> View<'a> {
    /// The time of the command in seconds, as the API shows times.
    pub fn now(&self) -> i64 {
        seconds(self.session.now)
    }

    pub fn now_ms(&self) -> Millis {
        self.session.now
    }

    pub fn livemode(&self) -> bool {
        self.session.workspace.livemode
    }

    /// Whether the bank moves money by the clock.
    pub fn settles(&self) -> bool {
        self.session.state.settings.settles.unwrap_or(self.app.config.settles)
    }

    pub fn is_platform(&self) -> bool {
        self.owner.number == 0
    }

    /// The platform of this workspace.
    pub fn platform(&self) -> Owner {
        Owner { number: 0, id: self.session.workspace.account.clone() }
    }

    /// The same reading as another account of the workspace. A command has [`Tx::on`].
    pub fn reading_as(&self, owner: Owner) -> View<'a> {
        let Session { reader, decoded, sealer, state, now, .. } = self.session;
        let workspace = self.session.workspace.clone();
        let session = Session {
            home: self.session.home,
            number: self.session.number,
            ..Session::reading(reader, decoded, sealer, workspace, state, now)
        };
        View { session, app: self.app, owner, request: self.request.clone() }
    }

    /// An object of this account, if it is there.
    pub fn load<T: Resource>(&self, id: &str) -> Result<Option<Arc<T>>> {
        self.load_of(self.owner.number, id)
    }

    /// An object of another account of the workspace.
    pub fn load_of<T: Resource>(&self, account: i64, id: &str) -> Result<Option<Arc<T>>> {
        if !is_id_of::<T>(id) {
            return Ok(None);
        }
        Ok(self.session.object(account, id, decode::<T>)?)
    }

    /// The object that the path names, or the 404 that says it is not there.
    pub fn find<T: Resource>(&self, id: &str) -> Result<Arc<T>> {
        let missing = || ApiError::not_found(T::LABEL, id, T::PARAM).into();
        self.load(id)?.ok_or_else(missing)
    }

    /// The object that a parameter names, or the 400 that says it is not there.
    pub fn reference<T: Resource>(&self, id: &str, param: &str) -> Result<Arc<T>> {
        let missing = || ApiError::missing_reference(T::LABEL, id, param).into();
        self.load(id)?.ok_or_else(missing)
    }

    /// The same where only its being there matters: a list's parent.
    pub fn require<T: Resource>(&self, id: &str, param: &str) -> Result<()> {
        let is_there = is_id_of::<T>(id) && self.session.has_object(self.owner.number, id)?;
        if is_there {
            return Ok(());
        }
        Err(ApiError::missing_reference(T::LABEL, id, param).into())
    }

    /// The default rendering as printed before, where that is possible: in a read, of a resource
    /// whose rendering follows from its state alone.
    pub fn printed<T: Resource>(&self, object: &Arc<T>, level: usize) -> Result<Option<Json>> {
        let Some(decoded) = self.session.decoded.filter(|_| T::STATE_ONLY) else {
            return Ok(None);
        };
        let any: Arc<dyn Any + Send + Sync> = object.clone();
        let print = || Ok::<_, Failure>(self.render(&**object)?.printed_at(level));
        let text = decoded.printed(object.id(), &any, level, print)?;
        Ok(text.map(|text| Json::Printed(text, level)))
    }

    /// The default rendering, without anything expanded.
    pub fn render<T: Resource>(&self, object: &T) -> Result<Json> {
        object.render(self, &Include::NONE)
    }
}

/// A command: a view that can change what it sees.
pub struct Tx<'a> {
    view: View<'a>,
    /// The latest event, by which an answer that says the same is kept only once.
    last_event: Option<LastEvent>,
}

struct LastEvent {
    id: String,
    /// Its object as it is told.
    said: Said,
    /// The saved object it is about, where its rendering follows from its state alone.
    about: Option<Arc<dyn Any + Send + Sync>>,
}

enum Said {
    Object(Json),
    /// The command's answer is the object itself.
    Answered,
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;
    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl<'a> DerefMut for Tx<'a> {
    fn deref_mut(&mut self) -> &mut View<'a> {
        &mut self.view
    }
}

impl<'a> Tx<'a> {
    pub fn new(view: View<'a>) -> Self {
        Tx { view, last_event: None }
    }

    pub fn into_session(self) -> Session<'a> {
        self.view.session
    }

    /// A fresh id of that resource for the account acted on.
    pub fn new_id<T: Resource>(&mut self) -> String {
        self.new_id_with(T::PREFIX)
    }

    pub fn new_id_with(&mut self, prefix: &str) -> String {
        let account = self.view.owner.id.clone();
        self.view.session.new_id(prefix, &account)
    }

    /// Keeps an object, new or changed, with its places in the lists.
    pub fn save<T: Resource>(&mut self, object: T) -> Result<Arc<T>> {
        let before = self.load::<T>(object.id())?;
        let scope = self.session.scope(self.owner.number);
        let old = before.map(|before| Index::keys(&*before, scope)).unwrap_or_default();
        let new = Index::keys(&object, scope);
        let object = Arc::new(object);
        let overlay = self.session.write()?;
        for key in &old {
            if !new.contains(key) {
                overlay.index.remove(key.clone());
            }
        }
        for key in new {
            if !old.contains(&key) {
                overlay.index.put(key, ());
            }
        }
        let key = ObjectKey { scope, id: object.id().to_owned() };
        overlay.objects.put(key, ObjectRow::of(T::VERSION, object.clone()));
        Ok(object)
    }

    /// Keeps an object whose id was made by this command: there is nothing to look for.
    pub fn save_new<T: Resource>(&mut self, object: T) -> Result<Arc<T>> {
        let scope = self.session.scope(self.owner.number);
        let places = Index::keys(&object, scope);
        let object = Arc::new(object);
        let overlay = self.session.write()?;
        for key in places {
            overlay.index.put(key, ());
        }
        let key = ObjectKey { scope, id: object.id().to_owned() };
        overlay.objects.put(key, ObjectRow::of(T::VERSION, object.clone()));
        Ok(object)
    }

    /// Removes an object and its places in the lists.
    pub fn remove<T: Resource>(&mut self, object: &T) -> Result<()> {
        let scope = self.session.scope(self.owner.number);
        let keys = Index::keys(object, scope);
        let overlay = self.session.write()?;
        for key in keys {
            overlay.index.remove(key);
        }
        overlay.objects.remove(ObjectKey { scope, id: object.id().to_owned() });
        Ok(())
    }

    /// Appends a posting to the journal.
    pub fn append_posting(&mut self, id: String, row: PostingRow) -> Result<()> {
        let scope = self.session.scope(self.owner.number);
        self.session.write()?.postings.put(PostingKey { scope, id }, row);
        Ok(())
    }

    /// Tells that something happened to an object, as it is now.
    pub fn event<T: Resource>(&mut self, kind: &'static str, object: &T) -> Result<()> {
        let rendered = self.render(object)?;
        self.emit(kind, rendered, None)?;
        self.remember_subject(object);
        Ok(())
    }

    /// The same for a change: with what its members were before.
    pub fn event_changed<T: Resource>(
        &mut self,
        kind: &'static str,
        before: &Json,
        object: &T,
    ) -> Result<()> {
        let rendered = self.render(object)?;
        let previous = previous_attributes(before, &rendered);
        self.emit(kind, rendered, previous)?;
        self.remember_subject(object);
        Ok(())
    }

    /// Remembers that the latest event is about exactly this object, as it is saved now.
    fn remember_subject<T: Resource>(&mut self, object: &T) {
        if !T::STATE_ONLY {
            return;
        }
        let scope = self.session.scope(self.owner.number);
        let saved = self.session.changed_object(scope, object.id());
        let is_it =
            |saved: &Arc<dyn Any + Send + Sync>| std::ptr::addr_eq(Arc::as_ptr(saved), object);
        if let Some(last) = &mut self.last_event {
            last.about = saved.filter(is_it);
        }
    }

    /// What the latest event says of this object, if that is how it would be rendered now. It can
    /// be taken once, as the command's answer.
    pub fn take_said<T: Resource>(&mut self, object: &Arc<T>) -> Option<Json> {
        let last = self.last_event.as_mut()?;
        let about = last.about.as_ref()?;
        if !std::ptr::addr_eq(Arc::as_ptr(about), Arc::as_ptr(object)) {
            return None;
        }
        match std::mem::replace(&mut last.said, Said::Answered) {
            Said::Object(json) => Some(json),
            Said::Answered => None,
        }
    }

    /// Keeps an event with the deliveries it is for.
    pub fn emit(&mut self, kind: &'static str, object: Json, previous: Option<Json>) -> Result<()> {
        let id = self.new_id_with("evt");
        let endpoints = (self.view.app.api.event_targets)(&self.view, kind)?;
        let scope = self.session.scope(self.owner.number);
        let now = self.session.now;
        let row = EventRow {
            kind: kind.to_owned(),
            created: now,
            object: object.compact(),
            previous: previous.map(|previous| previous.compact()),
            request: self.request.as_ref().map(|request| request.id.clone()),
            idempotency_key: self.request.as_ref().and_then(|r| r.idempotency_key.clone()),
            by_request: self.request.is_some(),
            targets: i64::try_from(endpoints.len()).unwrap_or(i64::MAX),
        };
        let overlay = self.session.write()?;
        overlay.events.put(EventKey { scope, id: id.clone() }, row);
        for endpoint in endpoints {
            let key = DeliveryKey { ws: scope.ws, event: id.clone(), endpoint };
            let due = Some(now);
            let attempts = "[]".to_owned();
            let row = DeliveryRow { acct: scope.acct, due, delivered: false, attempts };
            overlay.deliveries.put(key, row);
        }
        self.last_event = Some(LastEvent { id, said: Said::Object(object), about: None });
        self.plan_sweep();
        Ok(())
    }

    /// The event whose object is exactly this answer, if there is one.
    pub fn event_saying(&self, answer: &Json) -> Option<String> {
        let last = self.last_event.as_ref()?;
        let says_it = match &last.said {
            Said::Object(object) => object == answer,
            Said::Answered => true,
        };
        says_it.then(|| last.id.clone())
    }

    /// Plans a job of this account for a time of the workspace's clock.
    pub fn plan(&mut self, due: Millis, kind: &str, object: &str, detail: &str) -> Result<()> {
        let row = JobRow {
            acct: self.owner.number,
            kind: kind.to_owned(),
            object: object.to_owned(),
            detail: detail.to_owned(),
        };
        Ok(self.session.add_job(due, row)?)
    }

    /// Old rows are looked for an hour after the first of them can be old.
    pub fn plan_sweep(&mut self) {
        let at = self.session.now + crate::app::SWEEP_AFTER_MS;
        self.session.state.next_sweep.get_or_insert(at);
    }

    /// Does something as another account of the workspace.
    pub fn on<R>(&mut self, owner: Owner, work: impl FnOnce(&mut Tx<'a>) -> R) -> R {
        let own = std::mem::replace(&mut self.view.owner, owner);
        let result = work(self);
        self.view.owner = own;
        result
    }
}

/// A time as the API shows it.
pub fn seconds(millis: Millis) -> i64 {
    millis.div_euclid(1000)
}

/// The same for a time that may not have come yet.
pub fn seconds_or_null(millis: Option<Millis>) -> Json {
    millis.map(seconds).into()
}
