//! What the server counts of itself, and `GET /_exchequer/metrics`, which tells it in the text
//! format of Prometheus.
//!
//! Counting is a few atomic additions to places that are made at the start: a series for each
//! declared operation, so that no client can make more of them.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use api::App;
use api::operation::{Handler, Operation};
use store::counters::Histogram;

use crate::gateway::Gateway;
use crate::limits::BODIES_BYTES_MAX;
use crate::readiness;

/// Why a request was refused before an operation ran, or a connection was not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The committer's queue is full.
    Queue,
    Connections,
    /// The bodies of other requests take all the memory meant for them.
    Memory,
    /// The client took too long.
    Slow,
    /// Something about the request is too long.
    Size,
    /// No key, or one that opens nothing.
    Key,
    Permission,
    /// Its idempotency key is in use.
    InUse,
    Rate,
}

const REASONS: [(Reason, &str); 9] = [
    (Reason::Queue, "queue"),
    (Reason::Connections, "connections"),
    (Reason::Memory, "memory"),
    (Reason::Slow, "slow"),
    (Reason::Size, "size"),
    (Reason::Key, "key"),
    (Reason::Permission, "permission"),
    (Reason::InUse, "in_use"),
    (Reason::Rate, "rate"),
];

/// Where requests are counted that reach no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Refused before an operation was found, or there is none.
    Unknown,
    Control,
    Pages,
}

const AREAS: [&str; 3] = ["unknown", "/_exchequer/", "pages"];
const METHODS: [&str; 4] = ["GET", "POST", "DELETE", "other"];
const KINDS: [&str; 3] = ["read", "command", "other"];
const CLASSES: [&str; 4] = ["2xx", "4xx", "5xx", "other"];

const DURATION_BOUNDS_US: [u64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
];

/// Where the requests of one kind are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

struct Series {
    operation: &'static str,
    method: &'static str,
    kind: usize,
    by_class: [AtomicU64; CLASSES.len()],
}

impl Series {
    fn new(operation: &'static str, method: &'static str, kind: usize) -> Series {
        Series { operation, method, kind, by_class: Default::default() }
    }
}

pub struct Metrics {
    started: Instant,
    series: Vec<Series>,
    places: HashMap<(&'static str, &'static str), Place>,
    durations: [Histogram; KINDS.len()],
    refusals: [AtomicU64; REASONS.len()],
    connections_opened: AtomicU64,
    connections_closed: AtomicU64,
}

impl Metrics {
    pub fn new(app: &App) -> Metrics {
        let mut series = Vec::new();
        for area in AREAS {
            series.extend(METHODS.map(|method| Series::new(area, method, 2)));
        }
        let mut places = HashMap::new();
        for operation in app.api.resources.iter().flat_map(|resource| &resource.operations) {
            let kind = usize::from(matches!(operation.handler, Handler::Write(_)));
            let method = operation.method.as_str();
            places.insert((method, operation.path), Place(series.len()));
            series.push(Series::new(operation.path, method, kind));
        }
        Metrics {
            started: Instant::now(),
            series,
            places,
            durations: std::array::from_fn(|_| Histogram::new(&DURATION_BOUNDS_US)),
            refusals: Default::default(),
            connections_opened: AtomicU64::new(0),
            connections_closed: AtomicU64::new(0),
        }
    }

    pub fn area(&self, area: Area, method: &hyper::Method) -> Place {
        let at = METHODS.iter().position(|known| method.as_str() == *known);
        Place(area as usize * METHODS.len() + at.unwrap_or(METHODS.len() - 1))
    }

    pub fn place(&self, operation: &Operation) -> Option<Place> {
        self.places.get(&(operation.method.as_str(), operation.path)).copied()
    }

    /// What the place's operation is called.
    pub fn name(&self, place: Place) -> &'static str {
        self.series.get(place.0).map_or(AREAS[0], |series| series.operation)
    }

    pub fn answered(&self, place: Place, status: u16, took: Duration) {
        let Some(series) = self.series.get(place.0) else { return };
        let class = match status / 100 {
            2 => 0,
            4 => 1,
            5 => 2,
            _ => 3,
        };
        series.by_class[class].fetch_add(1, Ordering::Relaxed);
        self.durations[series.kind].observe_us(took);
        let reason = match status {
            401 => Reason::Key,
            403 => Reason::Permission,
            // A wait for deliveries says 408, too.
            408 if series.operation != AREAS[Area::Control as usize] => Reason::Slow,
            409 => Reason::InUse,
            413 | 414 => Reason::Size,
            429 => Reason::Rate,
            _ => return,
        };
        self.refused(reason);
    }

    /// Counts a refusal whose status does not say why.
    pub fn refused(&self, reason: Reason) {
        self.refusals[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn connection_opened(&self) {
        self.connections_opened.fetch_add(1, Ordering::Relaxed);
    }

    pub fn connection_closed(&self) {
        self.connections_closed.fetch_add(1, Ordering::Relaxed);
    }

    fn connections(&self) -> (u64, u64) {
        let closed = self.connections_closed.load(Ordering::Relaxed);
        let opened = self.connections_opened.load(Ordering::Relaxed);
        (opened, opened.saturating_sub(closed))
    }
}

/// All of it as text.
pub fn text(gateway: &Gateway) -> String {
    let mut text = Text(String::with_capacity(16 * 1024));
    requests(&mut text, &gateway.metrics);
    limits(&mut text, gateway);
    committer(&mut text, gateway);
    deliveries(&mut text, gateway);
    process(&mut text, gateway);
    text.0
}

fn requests(text: &mut Text, metrics: &Metrics) {
    let about = "Requests answered, by the path of the operation as it is declared.";
    text.family("exchequer_requests_total", "counter", about);
    for series in &metrics.series {
        for (class, count) in CLASSES.iter().zip(&series.by_class) {
            let count = count.load(Ordering::Relaxed);
            // Hundreds of operations that nobody called would only be noise.
            if count > 0 {
                let (operation, method) = (series.operation, series.method);
                let labels =
                    format!("operation=\"{operation}\",method=\"{method}\",status=\"{class}\"");
                text.sample("exchequer_requests_total", &labels, count as f64);
            }
        }
    }
    let name = "exchequer_request_duration_seconds";
    text.family(name, "histogram", "From the head of a request to its answer.");
    for (kind, histogram) in KINDS.iter().zip(&metrics.durations) {
        text.histogram(name, &format!("kind=\"{kind}\""), histogram, 1e-6);
    }
    let name = "exchequer_refusals_total";
    text.family(name, "counter", "Requests and connections refused before any operation.");
    for (reason, label) in REASONS {
        let count = metrics.refusals[reason as usize].load(Ordering::Relaxed);
        text.sample(name, &format!("reason=\"{label}\""), count as f64);
    }
}

fn limits(text: &mut Text, gateway: &Gateway) {
    let (opened, open) = gateway.metrics.connections();
    text.counter("exchequer_connections_total", "Connections accepted.", opened);
    text.gauge("exchequer_connections_open", "Connections open.", open as f64);
    let max = gateway.limits.connections as f64;
    text.gauge("exchequer_connections_max", "Connections served at once.", max);
    let held = gateway.bodies.held() as f64;
    text.gauge("exchequer_body_bytes", "Bodies of requests in progress.", held);
    let max = BODIES_BYTES_MAX as f64;
    text.gauge("exchequer_body_bytes_max", "What they may take together.", max);
    let queued = gateway.committer.queued() as f64;
    text.gauge("exchequer_queue_commands", "Commands waiting for the committer.", queued);
    let max = gateway.limits.queued as f64;
    text.gauge("exchequer_queue_commands_max", "From here on requests are refused.", max);
}

fn committer(text: &mut Text, gateway: &Gateway) {
    let counters = &gateway.committer.counters;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    text.counter("exchequer_commands_total", "Commands run.", count(&counters.commands));
    text.counter("exchequer_commits_total", "Batches committed.", count(&counters.commits));
    let about = "Batches that could not be committed.";
    text.counter("exchequer_commit_failures_total", about, count(&counters.failures));
    text.counter("exchequer_jobs_total", "Jobs run.", count(&counters.jobs));
    let name = "exchequer_batch_commands";
    text.family(name, "histogram", "Commands in one commit.");
    text.histogram(name, "", &counters.batch_commands, 1.0);
    let name = "exchequer_commit_duration_seconds";
    text.family(name, "histogram", "Writing and flushing one batch.");
    text.histogram(name, "", &counters.commit_us, 1e-6);
}

fn deliveries(text: &mut Text, gateway: &Gateway) {
    let counters = gateway.delivery.counters();
    let name = "exchequer_deliveries_total";
    text.family(name, "counter", "Attempts to deliver an event, and deliveries dropped.");
    let outcomes = [
        ("delivered", &counters.delivered),
        ("refused", &counters.refused),
        ("unanswered", &counters.unanswered),
        ("dropped", &counters.dropped),
    ];
    for (label, counter) in outcomes {
        let count = counter.load(Ordering::Relaxed);
        text.sample(name, &format!("outcome=\"{label}\""), count as f64);
    }
    let under_way = gateway.delivery.under_way() as f64;
    text.gauge("exchequer_deliveries_under_way", "Attempts being made.", under_way);
    match gateway.delivery.pending() {
        Ok(pending) => {
            let about = "Deliveries still to be made, later retries included; at most 10000.";
            text.gauge("exchequer_deliveries_pending", about, pending as f64);
        }
        Err(error) => tracing::error!(%error, "pending deliveries cannot be counted"),
    }
}

fn process(text: &mut Text, gateway: &Gateway) {
    let ready = readiness::obstacles(gateway).is_empty();
    let about = "Whether /_exchequer/ready says so.";
    text.gauge("exchequer_ready", about, f64::from(u8::from(ready)));
    let sandboxes = gateway.registry.stored() as f64;
    text.gauge("exchequer_sandboxes", "Sandboxes in the store.", sandboxes);
    if let Some(bytes) = resident_bytes() {
        text.gauge("process_resident_memory_bytes", "Memory in use.", bytes as f64);
    }
    let uptime = gateway.metrics.started.elapsed().as_secs_f64();
    text.gauge("exchequer_uptime_seconds", "Since the start.", uptime);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let about = "When the process started, in Unix seconds.";
    text.gauge("process_start_time_seconds", about, (now - uptime).round());
    text.family("exchequer_build_info", "gauge", "The program's version.");
    text.sample("exchequer_build_info", &format!("version=\"{}\"", gateway.version), 1.0);
}

/// As Linux tells it; elsewhere the metric is left out.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

struct Text(String);

// Writing into a string cannot fail.
impl Text {
    fn family(&mut self, name: &str, kind: &str, about: &str) {
        let _ = writeln!(self.0, "# HELP {name} {about}\n# TYPE {name} {kind}");
    }

    /// Labels are ours, and paths as declared: nothing in them needs an escape.
    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "{name} {value}")
        } else {
            writeln!(self.0, "{name}{{{labels}}} {value}")
        };
    }

    fn counter(&mut self, name: &str, about: &str, value: u64) {
        self.family(name, "counter", about);
        self.sample(name, "", value as f64);
    }

    fn gauge(&mut self, name: &str, about: &str, value: f64) {
        self.family(name, "gauge", about);
        self.sample(name, "", value);
    }

    /// `unit` is what one step of the histogram's values is worth in the metric's own unit.
    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram, unit: f64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let buckets = histogram.cumulated();
        for (bound, count) in &buckets {
            let bound = bound.map_or("+Inf".to_owned(), |bound| rounded(bound, unit).to_string());
            let labels = format!("{labels}{comma}le=\"{bound}\"");
            self.sample(&format!("{name}_bucket"), &labels, *count as f64);
        }
        let count = buckets.last().map_or(0, |(_, count)| *count);
        self.sample(&format!("{name}_sum"), labels, rounded(histogram.sum(), unit));
        self.sample(&format!("{name}_count"), labels, count as f64);
    }
}

/// In the metric's unit, to the millionth: 0.00025, not 0.00024999999999999995.
fn rounded(value: u64, unit: f64) -> f64 {
    (value as f64 * unit * 1e6).round() / 1e6
}
