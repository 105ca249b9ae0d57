//! What a client sees when something is refused, and what only we see when something breaks.

use std::borrow::Cow;
use std::fmt;

use crate::json::{Json, Key};

/// The four values `type` has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    ApiError,
    CardError,
    IdempotencyError,
    InvalidRequestError,
}

impl ErrorType {
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::ApiError => "api_error",
            ErrorType::CardError => "card_error",
            ErrorType::IdempotencyError => "idempotency_error",
            ErrorType::InvalidRequestError => "invalid_request_error",
        }
    }
}

/// An error of the API: people branch on its status, `type`, `code` and `param`.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: u16,
    pub kind: ErrorType,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<String>,
    /// Members that only some errors have, such as `decline_code`.
    pub extra: Vec<(&'static str, Json)>,
    /// The value of `Stripe-Should-Retry`, where the server has an opinion.
    pub should_retry: Option<bool>,
}

impl ApiError {
    /// A 400 `invalid_request_error` without code or parameter.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: ErrorType::InvalidRequestError,
            code: None,
            message: message.into(),
            param: None,
            extra: Vec::new(),
            should_retry: None,
        }
    }

    /// A 400 about one parameter, with a code.
    pub fn param(code: &'static str, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(message).code(code).on(param)
    }

    /// The object named in the path is not there (or belongs to somebody else: no difference).
    pub fn not_found(label: &str, id: &str, param: &str) -> Self {
        Self::missing_reference(label, id, param).status(404)
    }

    /// A parameter names an object that is not there.
    pub fn missing_reference(label: &str, id: &str, param: &str) -> Self {
        Self::param("resource_missing", param, format!("No such {label}: '{id}'"))
    }

    /// An action the object's state does not allow.
    pub fn transition(message: impl Into<String>) -> Self {
        Self::invalid(message).code("status_transition_invalid")
    }

    /// The answer to a fault of ours: says nothing but that it happened.
    pub fn internal() -> Self {
        let message = "An unknown error occurred on the server. Its log has the request id.";
        Self { status: 500, kind: ErrorType::ApiError, ..Self::invalid(message) }
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn kind(mut self, kind: ErrorType) -> Self {
        self.kind = kind;
        self
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn on(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub fn retry(mut self, should: bool) -> Self {
        self.should_retry = Some(should);
        self
    }

    /// The body; absent members are left out, never null.
    pub fn body(&self, request_log_url: Option<String>) -> Json {
        let mut members: Vec<(Key, Json)> = Vec::with_capacity(6 + self.extra.len());
        if let Some(code) = self.code {
            let page = code.replace('_', "-");
            let url = format!("https://stripe.com/docs/error-codes/{page}");
            members.push((Cow::Borrowed("code"), code.into()));
            members.push((Cow::Borrowed("doc_url"), url.into()));
        }
        members.push((Cow::Borrowed("message"), Json::from(&self.message)));
        if let Some(param) = &self.param {
            members.push((Cow::Borrowed("param"), param.into()));
        }
        if let Some(url) = request_log_url {
            members.push((Cow::Borrowed("request_log_url"), url.into()));
        }
        members.push((Cow::Borrowed("type"), self.kind.as_str().into()));
        members.extend(self.extra.iter().map(|(k, v)| (Cow::Borrowed(*k), v.clone())));
        members.sort_by(|a, b| a.0.cmp(&b.0));
        Json::Object(vec![(Cow::Borrowed("error"), Json::Object(members))])
    }
}

/// A bug of ours or a broken disk: logged whole, shown as a 500 that says nothing.
#[derive(Debug)]
pub struct Fault(pub String);

impl Fault {
    pub fn new(what: impl Into<String>) -> Self {
        Fault(what.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// Why an operation has no answer of its own.
#[derive(Debug)]
pub enum Failure {
    /// The client is told, and nothing of the command is kept.
    Refused(Box<ApiError>),
    /// The client is told, and what the command did is kept (a declined charge).
    Declined(Box<ApiError>),
    Fault(Fault),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Failure::Refused(Box::new(error))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;
