//! An answer of the API, and what a scenario may say about it.

use std::fmt;

use serde_json::Value;

/// One answer: the status, the headers, the body as JSON (`null` when it is not JSON).
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
    pub body: Value,
    /// `POST /v1/customers`, for messages of failed tests.
    pub request: String,
}

/// What a scenario writes for an expected value: text, numbers, booleans, JSON, or `()` for null.
pub struct Expected(Value);

impl Answer {
    /// The call must have been answered 200; gives the answer back for more.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }

    #[track_caller]
    pub fn expect_status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The value at `path` (`balance.cash.usd`, `data.0.id`) must be there and equal.
    #[track_caller]
    pub fn expect(&self, path: &str, value: impl Into<Expected>) -> &Self {
        let Some(found) = self.find(path) else { panic!("{path} is absent\n{self:?}") };
        assert_eq!(found, &value.into().0, "{path}\n{self:?}");
        self
    }

    /// The key must not be in the body at all, which is not the same as null.
    #[track_caller]
    pub fn expect_absent(&self, path: &str) -> &Self {
        assert!(self.find(path).is_none(), "{path} should be absent\n{self:?}");
        self
    }

    /// An API error with exactly this status, `type`, `code` and `param` (`None`: key absent).
    #[track_caller]
    pub fn expect_error<'a>(
        &self,
        status: u16,
        kind: &str,
        code: impl Into<Option<&'a str>>,
        param: impl Into<Option<&'a str>>,
    ) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self.expect("error.type", kind);
        for (key, wanted) in [("error.code", code.into()), ("error.param", param.into())] {
            match wanted {
                Some(wanted) => self.expect(key, wanted),
                None => self.expect_absent(key),
            };
        }
        self
    }

    /// The error's message, word for word.
    #[track_caller]
    pub fn expect_message(&self, message: &str) -> &Self {
        self.expect("error.message", message)
    }

    #[track_caller]
    pub fn expect_message_starts(&self, start: &str) -> &Self {
        assert!(self.message().starts_with(start), "should start with {start:?}\n{self:?}");
        self
    }

    #[track_caller]
    pub fn expect_message_ends(&self, end: &str) -> &Self {
        assert!(self.message().ends_with(end), "should end with {end:?}\n{self:?}");
        self
    }

    #[track_caller]
    pub fn expect_message_contains(&self, part: &str) -> &Self {
        assert!(self.message().contains(part), "should contain {part:?}\n{self:?}");
        self
    }

    /// A header must be there with this value.
    #[track_caller]
    pub fn expect_header(&self, name: &str, value: &str) -> &Self {
        assert_eq!(self.header(name), Some(value), "header {name}\n{self:?}");
        self
    }

    #[track_caller]
    pub fn message(&self) -> &str {
        self.text("error.message")
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn request_id(&self) -> &str {
        self.header("Request-Id").unwrap_or_else(|| panic!("no Request-Id\n{self:?}"))
    }

    /// The object's id, which also says that the call succeeded.
    #[track_caller]
    pub fn id(&self) -> String {
        self.ok().text("id").to_owned()
    }

    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        let found = self.find(path).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{path} is no text\n{self:?}"))
    }

    #[track_caller]
    pub fn int(&self, path: &str) -> i64 {
        let found = self.find(path).and_then(Value::as_i64);
        found.unwrap_or_else(|| panic!("{path} is no integer\n{self:?}"))
    }

    #[track_caller]
    pub fn list(&self, path: &str) -> &[Value] {
        let found = self.find(path).and_then(Value::as_array);
        found.unwrap_or_else(|| panic!("{path} is no list\n{self:?}"))
    }

    /// The elements of a list answer.
    #[track_caller]
    pub fn data(&self) -> &[Value] {
        self.ok().list("data")
    }

    /// The ids of a list answer, in its order.
    #[track_caller]
    pub fn ids(&self) -> Vec<String> {
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        self.data().iter().map(id).collect()
    }

    /// The keys of the object at `path` (`""` for the whole body), sorted.
    #[track_caller]
    pub fn keys(&self, path: &str) -> Vec<String> {
        let found = self.find(path).and_then(Value::as_object);
        let object = found.unwrap_or_else(|| panic!("{path} is no object\n{self:?}"));
        let mut keys: Vec<String> = object.keys().cloned().collect();
        keys.sort();
        keys
    }

    #[track_caller]
    pub fn at(&self, path: &str) -> &Value {
        self.find(path).unwrap_or_else(|| panic!("{path} is absent\n{self:?}"))
    }

    pub fn find(&self, path: &str) -> Option<&Value> {
        path.split('.').filter(|part| !part.is_empty()).try_fold(&self.body, |value, part| {
            match value {
                Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                other => other.get(part),
            }
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes);
        write!(out, "{} answered {}\n{}", self.request, self.status, text)
    }
}

impl From<&str> for Expected {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl From<&String> for Expected {
    fn from(value: &String) -> Self {
        Self(value.as_str().into())
    }
}

impl From<String> for Expected {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl From<i64> for Expected {
    fn from(value: i64) -> Self {
        Self(value.into())
    }
}

impl From<i32> for Expected {
    fn from(value: i32) -> Self {
        Self(value.into())
    }
}

impl From<bool> for Expected {
    fn from(value: bool) -> Self {
        Self(value.into())
    }
}

impl From<()> for Expected {
    fn from((): ()) -> Self {
        Self(Value::Null)
    }
}

impl From<Value> for Expected {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl From<&Value> for Expected {
    fn from(value: &Value) -> Self {
        Self(value.clone())
    }
}
