//! Answers: the body, and the headers that every one of them has.

use std::sync::LazyLock;

use api::{ApiError, Json};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

pub type HttpResponse = Response<Full<Bytes>>;

/// What the pipeline decided, before it becomes bytes.
pub struct Answer {
    pub status: u16,
    pub body: Body,
    pub headers: HeaderMap,
}

pub enum Body {
    /// The API's JSON, still to be printed.
    Json(Json),
    Bytes(Bytes),
}

const ALWAYS: [(&str, &str); 9] = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-methods", "GET, HEAD, PUT, PATCH, POST, DELETE"),
    ("access-control-allow-origin", "*"),
    (
        "access-control-expose-headers",
        "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry, X-Stripe-External-Auth-Required, \
         X-Stripe-Privileged-Session-Required",
    ),
    ("access-control-max-age", "300"),
    ("cache-control", "no-cache, no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ("strict-transport-security", "max-age=63072000; includeSubDomains; preload"),
    ("vary", "Origin"),
];

/// The headers of every answer of the API.
pub fn common_headers() -> HeaderMap {
    static COMMON: LazyLock<HeaderMap> = LazyLock::new(make_common_headers);
    COMMON.clone()
}

fn make_common_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(20);
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

impl Answer {
    pub fn json(status: u16, json: Json) -> Self {
        Answer { status, body: Body::Json(json), headers: common_headers() }
    }

    pub fn error(error: &ApiError, request_log_url: Option<String>) -> Self {
        let mut answer = Answer::json(error.status, error.body(request_log_url));
        if let Some(retry) = error.should_retry {
            answer.set("stripe-should-retry", if retry { "true" } else { "false" });
        }
        if error.status == 401 {
            answer.set("www-authenticate", "Basic realm=\"Stripe\"");
        }
        answer
    }

    /// A page for a browser.
    pub fn html(status: u16, page: String) -> Self {
        let mut answer =
            Answer { status, body: Body::Bytes(page.into()), headers: common_headers() };
        let style = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
        answer.set("content-security-policy", style);
        answer.set("content-type", "text/html; charset=utf-8");
        answer
    }

    /// Sets a header; a value that cannot be one is left out.
    pub fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    pub fn into_response(self) -> HttpResponse {
        let bytes = match self.body {
            Body::Json(json) => Bytes::from(json.pretty()),
            Body::Bytes(bytes) => bytes,
        };
        let mut response = Response::new(Full::new(bytes));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = self.headers;
        response
    }
}
