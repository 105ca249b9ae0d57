//! Operations, declared once: method, path, parameters, answer, summary. The router, the parameter
//! checks, `/openapi.json` and the coverage table are all read from the declaration.

use std::sync::Arc;

use crate::app::Job;
use crate::audit::Audit;
use crate::error::{ApiError, Result};
use crate::expand::Expansion;
use crate::form::Bag;
use crate::json::{Json, object};
use crate::list::Page;
use crate::params::{self, Expand, Field, Params};
use crate::resource::{self, ObjectDef};
use crate::view::{Tx, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// What an account must have been admitted to before it can call an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Product {
    #[default]
    Core,
    Treasury,
}

/// The shape of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Object,
    List,
    Deleted,
}

/// The variable parts of a request's path, in order.
#[derive(Clone, Debug, Default)]
pub struct Path {
    pub path: String,
    pub variables: Vec<String>,
}

impl Path {
    /// The first variable: whose object it is about.
    pub fn id(&self) -> &str {
        self.variables.first().map_or("", String::as_str)
    }

    /// The second, in paths below an object.
    pub fn second(&self) -> &str {
        self.variables.get(1).map_or("", String::as_str)
    }
}

/// A read with its parameters read: what is left needs a snapshot.
pub type Read = Box<dyn Fn(&View<'_>) -> Result<Json> + Send>;
/// A command with its parameters read: what is left needs a transaction. It may run again.
pub type Write = Box<dyn Fn(&mut Tx<'_>) -> Result<Json> + Send>;

type ReadHandler = Box<dyn Fn(&Bag, Path, Expansion) -> Result<Read, ApiError> + Send + Sync>;
type WriteHandler = Box<dyn Fn(&Bag, Path, Expansion) -> Result<Write, ApiError> + Send + Sync>;

pub enum Handler {
    Read(ReadHandler),
    Write(WriteHandler),
}

/// One endpoint.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub summary: &'static str,
    pub fields: fn() -> Vec<Field>,
    /// The object of the answer, or of the items of a list; none where it is no resource.
    pub object: Option<ObjectDef>,
    pub shape: Shape,
    pub handler: Handler,
}

impl Operation {
    /// Whether it exists in test mode only.
    pub fn is_test_helper(&self) -> bool {
        self.path.starts_with("/v1/test_helpers/")
    }

    pub fn product(&self) -> Product {
        let path = self.path.strip_prefix("/v1/test_helpers").unwrap_or(self.path);
        let path = path.strip_prefix("/v1").unwrap_or(path);
        if path.starts_with("/treasury/") { Product::Treasury } else { Product::Core }
    }

    /// Reads `expand` and checks it against what the answer can hold.
    pub fn expansion(&self, bag: &Bag) -> Result<Expansion, ApiError> {
        let Some(node) = bag.get("expand") else { return Ok(Expansion::default()) };
        let expand = params::read_one::<Expand>("expand", Some(node))?;
        Expansion::check(&expand, self.object.as_ref(), self.shape == Shape::List)
    }
}

/// A resource's operations, events and jobs.
pub struct Resource {
    pub object: &'static str,
    pub operations: Vec<Operation>,
    pub events: &'static [&'static str],
    pub jobs: Vec<(&'static str, Job)>,
    /// How what is kept of it is audited, unless its product has rules for it.
    pub audits: Vec<fn() -> Audit>,
}

impl Resource {
    pub fn of<T: resource::Resource>() -> Declaration<T> {
        let resource = Resource {
            object: T::OBJECT,
            operations: Vec::new(),
            events: &[],
            jobs: Vec::new(),
            audits: vec![Audit::plain::<T>],
        };
        Declaration { resource, of: std::marker::PhantomData }
    }
}

/// Declares a resource, operation by operation.
pub struct Declaration<T> {
    resource: Resource,
    of: std::marker::PhantomData<T>,
}

impl<T: resource::Resource> Declaration<T> {
    /// The event types that tell about it.
    pub fn events(mut self, events: &'static [&'static str]) -> Self {
        self.resource.events = events;
        self
    }

    /// What it keeps under ids of another kind, which no operation answers with.
    pub fn keeps<U: resource::Resource>(mut self) -> Self {
        self.resource.audits.push(Audit::plain::<U>);
        self
    }

    /// What runs when a job of that kind is due.
    pub fn job(mut self, kind: &'static str, job: Job) -> Self {
        self.resource.jobs.push((kind, job));
        self
    }

    /// Creates an object.
    pub fn create<P: Params>(
        self,
        path: &'static str,
        summary: &'static str,
        run: fn(&mut Tx<'_>, &P) -> Result<Arc<T>>,
    ) -> Self {
        self.post(path, summary, move |tx, _, params| run(tx, params))
    }

    /// Changes the object that the path names.
    pub fn action<P: Params>(
        self,
        path: &'static str,
        summary: &'static str,
        run: fn(&mut Tx<'_>, &Path, &P) -> Result<Arc<T>>,
    ) -> Self {
        self.post(path, summary, run)
    }

    fn post<P: Params>(
        self,
        path: &'static str,
        summary: &'static str,
        run: impl Fn(&mut Tx<'_>, &Path, &P) -> Result<Arc<T>> + Copy + Send + Sync + 'static,
    ) -> Self {
        let handler: WriteHandler = Box::new(move |bag, path, expansion| {
            let params = params::read::<P>(bag)?;
            Ok(Box::new(move |tx| {
                let object = run(tx, &path, &params)?;
                if expansion.is_empty()
                    && let Some(said) = tx.take_said(&object)
                {
                    return Ok(said);
                }
                answer(tx, &object, &expansion, ALONE)
            }))
        });
        let (fields, shape) = (P::fields, Shape::Object);
        self.operation(Method::Post, path, summary, fields, shape, Handler::Write(handler))
    }

    /// Answers with the object that the path names.
    pub fn retrieve(self, path: &'static str, summary: &'static str) -> Self {
        self.read::<params::NoParams>(path, summary, |view, path, _| view.find(path.id()))
    }

    /// Answers with an object found in a way of its own.
    pub fn read<P: Params>(
        self,
        path: &'static str,
        summary: &'static str,
        run: fn(&View<'_>, &Path, &P) -> Result<Arc<T>>,
    ) -> Self {
        let handler: ReadHandler = Box::new(move |bag, path, expansion| {
            let params = params::read::<P>(bag)?;
            Ok(Box::new(move |view| {
                let object = run(view, &path, &params)?;
                answer(view, &object, &expansion, ALONE)
            }))
        });
        let (fields, shape) = (P::fields, Shape::Object);
        self.operation(Method::Get, path, summary, fields, shape, Handler::Read(handler))
    }

    /// Lists objects.
    pub fn list<P: Params>(
        self,
        path: &'static str,
        summary: &'static str,
        run: fn(&View<'_>, &Path, &P) -> Result<Page<T>>,
    ) -> Self {
        let handler: ReadHandler = Box::new(move |bag, path, expansion| {
            let params = params::read::<P>(bag)?;
            Ok(Box::new(move |view| {
                let page = run(view, &path, &params)?;
                let mut data = Vec::with_capacity(page.items.len());
                for item in &page.items {
                    data.push(answer(view, item, &expansion, IN_LIST)?);
                }
                Ok(list_object(data, page.has_more, path.path.clone()))
            }))
        });
        let (fields, shape) = (P::fields, Shape::List);
        self.operation(Method::Get, path, summary, fields, shape, Handler::Read(handler))
    }

    /// Deletes the object that the path names.
    pub fn delete(
        self,
        path: &'static str,
        summary: &'static str,
        run: fn(&mut Tx<'_>, &Path) -> Result<()>,
    ) -> Self {
        let handler: WriteHandler = Box::new(move |bag, path, _| {
            params::read::<params::NoParams>(bag)?;
            Ok(Box::new(move |tx| {
                run(tx, &path)?;
                let id = path.variables.last().cloned().unwrap_or_default();
                Ok(deleted::<T>(id))
            }))
        });
        let (fields, shape) = (params::NoParams::fields, Shape::Deleted);
        self.operation(Method::Delete, path, summary, fields, shape, Handler::Write(handler))
    }

    fn operation(
        mut self,
        method: Method,
        path: &'static str,
        summary: &'static str,
        fields: fn() -> Vec<Field>,
        shape: Shape,
        handler: Handler,
    ) -> Self {
        let object = Some(ObjectDef::of::<T>());
        let operation = Operation { method, path, summary, fields, object, shape, handler };
        self.resource.operations.push(operation);
        self
    }

    pub fn done(self) -> Resource {
        self.resource
    }
}

/// The levels of indentation at which an answer shows an object.
const ALONE: usize = 0;
const IN_LIST: usize = 2;

/// An object as the request asked to see it.
fn answer<T: resource::Resource>(
    view: &View<'_>,
    object: &Arc<T>,
    expansion: &Expansion,
    level: usize,
) -> Result<Json> {
    if expansion.is_empty()
        && let Some(printed) = view.printed(object, level)?
    {
        return Ok(printed);
    }
    let mut json = object.render(view, &expansion.include())?;
    if !expansion.is_empty() {
        expansion.apply(view, &ObjectDef::of::<T>(), &mut json)?;
    }
    Ok(json)
}

/// The envelope of a list.
pub fn list_object(data: Vec<Json>, has_more: bool, url: String) -> Json {
    object([
        ("object", "list".into()),
        ("data", Json::Array(data)),
        ("has_more", has_more.into()),
        ("url", url.into()),
    ])
}

/// What stands in the place of a deleted object.
pub fn deleted<T: resource::Resource>(id: String) -> Json {
    object([("id", id.into()), ("object", T::OBJECT.into()), ("deleted", true.into())])
}
