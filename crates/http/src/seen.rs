//! What is noticed of a request on its way, for the metrics and for one line of the log. Neither
//! ever holds a key, a body or a path as it was sent: paths can carry secrets of their own.

use std::time::{Duration, Instant};

use api::operation::Operation;
use hyper::Method;
use store::id::random_text;

use crate::answer::Answer;
use crate::gateway::Gateway;
use crate::metrics::{Area, Place};
use crate::pages::RECEIPTS;

pub struct Seen {
    pub request_id: String,
    method: Method,
    place: Place,
    started: Instant,
    is_logged: bool,
    account: String,
}

impl Seen {
    pub fn new<B>(gateway: &Gateway, request: &hyper::Request<B>) -> Seen {
        let (path, method) = (request.uri().path(), request.method().clone());
        let area = match path {
            "/" | "/openapi.json" => Area::Pages,
            _ if path.starts_with("/_exchequer/") => Area::Control,
            _ if path.starts_with(RECEIPTS) => Area::Pages,
            _ => Area::Unknown,
        };
        let is_logged = if gateway.access_log {
            tracing::enabled!(tracing::Level::INFO)
        } else {
            tracing::enabled!(tracing::Level::DEBUG)
        };
        Seen {
            request_id: format!("req_{}", random_text(14)),
            place: gateway.metrics.area(area, &method),
            method,
            started: Instant::now(),
            is_logged,
            account: String::new(),
        }
    }

    /// The account that the request acts for.
    pub fn acts_for(&mut self, account: &str) {
        if self.is_logged {
            account.clone_into(&mut self.account);
        }
    }

    pub fn routed(&mut self, gateway: &Gateway, operation: &Operation) {
        self.place = gateway.metrics.place(operation).unwrap_or(self.place);
    }

    pub fn answered(&self, gateway: &Gateway, answer: &Answer) {
        let took = self.started.elapsed();
        gateway.metrics.answered(self.place, answer.status, took);
        if self.is_logged {
            self.log(gateway, answer.status, took);
        }
    }

    fn log(&self, gateway: &Gateway, status: u16, took: Duration) {
        let (request, method, account) = (&*self.request_id, &self.method, &*self.account);
        let operation = gateway.metrics.name(self.place);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if gateway.access_log {
            tracing::info!(request, %method, operation, status, took_us, account, "answered");
        } else {
            tracing::debug!(request, %method, operation, status, took_us, account, "answered");
        }
    }
}
