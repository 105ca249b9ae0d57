//! `exchequer serve`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use api::runtime::Runtime;
use api::{App, Config, WebhookTargets};
use clap::{Args, ValueEnum};
use delivery::Delivery;
use http_server::gateway::Gateway;
use http_server::idempotency::InFlight;
use http_server::keys::Keys;
use http_server::keys::permissions::Catalogue;
use http_server::limits::{BODIES_BYTES_MAX, Limits};
use http_server::load::Room;
use http_server::metrics::Metrics;
use http_server::rate::{Limiter, Rate};
use http_server::router::Router;
use http_server::server::Listener;
use http_server::{clock, server, snapshots};
use store::{Committer, CopyRow, Database, Registry, StoreError, Workspace};
use tokio::signal::unix::{SignalKind, signal};

use crate::claims::Claims;
use crate::rail_dir::RailDir;
use crate::scheduler::Scheduler;
use crate::{Ended, Exit, resources, tls};

#[derive(Clone, Copy, ValueEnum)]
enum Targets {
    /// Public hosts, and loopback in test mode
    Local,
    /// Public hosts only, as the real API
    Public,
    /// Private addresses too
    Any,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Settle {
    /// Money moves by test helpers and magic numbers alone
    Manual,
    /// The bank moves it by the clock
    Auto,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Args)]
pub struct Options {
    /// An address to listen on; can be given several times [default: 127.0.0.1:12111 and
    /// [::1]:12111]
    #[arg(long, env = "EXCHEQUER_LISTEN", value_delimiter = ',')]
    listen: Vec<SocketAddr>,
    #[command(flatten)]
    tls: tls::TlsOptions,
    /// The file of the store, :memory:, or the address of a PostgreSQL database (postgres://…)
    #[arg(long, env = "EXCHEQUER_DATA", default_value = "./exchequer.db")]
    data: String,
    /// The file of the key that a store in a database is sealed with; made with a new store
    #[arg(long, env = "EXCHEQUER_SEAL_KEY")]
    seal_key: Option<PathBuf>,
    /// A file of keys; without it every test key works
    #[arg(long, env = "EXCHEQUER_KEYS")]
    keys: Option<PathBuf>,
    /// Reads and writes per second that an account may make, such as 25,25
    #[arg(long, env = "EXCHEQUER_RATE_LIMIT", value_name = "R,W")]
    rate_limit: Option<Rate>,
    /// How long after its creation an object takes its next automatic step
    #[arg(long, env = "EXCHEQUER_STEP_DELAY", default_value = "1s")]
    step_delay: String,
    /// Who moves money that is on its way: test helpers, or the bank by the clock
    #[arg(long, env = "EXCHEQUER_SETTLE", value_enum, default_value = "manual")]
    settle: Settle,
    /// A folder for ach files: what was handed over is written to out/, returns are read from in/
    #[arg(long, env = "EXCHEQUER_RAIL_DIR", value_name = "DIR")]
    rail_dir: Option<PathBuf>,
    /// Which hosts webhooks may go to
    #[arg(long, env = "EXCHEQUER_WEBHOOK_TARGETS", value_enum, default_value = "local")]
    webhook_targets: Targets,
    /// Where every event of every sandbox is sent, too
    #[arg(long, env = "EXCHEQUER_FORWARD_TO")]
    forward_to: Option<String>,
    /// What events sent there are signed with; made and kept when not given
    #[arg(long, env = "EXCHEQUER_SIGNING_SECRET", hide_env_values = true)]
    signing_secret: Option<String>,
    /// How many sandboxes the store may hold
    #[arg(long, env = "EXCHEQUER_MAX_SANDBOXES", default_value_t = 10_000)]
    max_sandboxes: usize,
    /// Where pages of the server are reached, if not at its first address
    #[arg(long, env = "EXCHEQUER_PUBLIC_URL")]
    public_url: Option<String>,
    /// How many connections are served at once; more are refused
    #[arg(long, env = "EXCHEQUER_MAX_CONNECTIONS", default_value_t = Limits::CONNECTIONS)]
    max_connections: usize,
    /// How many commands may wait to be committed before requests are refused
    #[arg(long, env = "EXCHEQUER_MAX_QUEUED", default_value_t = Limits::QUEUED)]
    max_queued: usize,
    /// How long a client may take to send a request, to take its answer, and to idle
    #[arg(long, env = "EXCHEQUER_CLIENT_TIMEOUT", default_value = "30s")]
    client_timeout: String,
    /// Shows /_exchequer/metrics to whoever asks, without a key
    #[arg(long, env = "EXCHEQUER_METRICS_OPEN")]
    metrics_open: bool,
    #[arg(long, env = "EXCHEQUER_LOG", value_enum, default_value = "text")]
    log: LogFormat,
    /// Writes a line for each request
    #[arg(long, env = "EXCHEQUER_ACCESS_LOG")]
    access_log: bool,
    /// error, warn, info, debug or trace
    #[arg(long, env = "EXCHEQUER_LOG_LEVEL", default_value = "info")]
    log_level: tracing::Level,
}

/// Files that are open beside the connections: attempts to deliver, and those of the store.
const FILES_BESIDES: usize = 640;
const CONNECTIONS_MIN: usize = 16;

/// How many workspaces are read at a time when the server starts.
const ADOPT_AT_ONCE: usize = 1000;

pub fn run(options: Options) -> Result<(), Ended> {
    start_logging(&options);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Ended::new(Exit::Failed, format!("cannot start: {e}")))?;
    runtime.block_on(serve(options))
}

fn start_logging(options: &Options) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(options.log_level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if options.log == LogFormat::Json {
        builder.json().flatten_event(true).init();
    } else {
        builder.init();
    }
}

async fn serve(options: Options) -> Result<(), Ended> {
    let step_delay_ms = if options.step_delay == "0" {
        0
    } else {
        clock::duration(&options.step_delay)
            .ok_or_else(|| Ended::new(Exit::BadFlag, "--step-delay looks like 500ms, 1s or 2m"))?
    };
    if options.data.is_empty() {
        return Err(Ended::new(Exit::BadFlag, "--data is the name of a file, or :memory:"));
    }
    check_signing_secret(&options)?;
    let limits = limits(&options)?;
    let mut listeners = listen(&options.listen).await?;
    let public_url = match &options.public_url {
        Some(url) => checked_public_url(url)?,
        None => address_of(&listeners),
    };
    let secure = tls::listen(&options.tls, &options.data, &mut listeners).await?;
    let config = Config {
        step_delay_ms,
        rail_files: options.rail_dir.is_some(),
        settles: options.settle == Settle::Auto,
        webhook_targets: match options.webhook_targets {
            Targets::Local => WebhookTargets::Local,
            Targets::Public => WebhookTargets::Public,
            Targets::Any => WebhookTargets::Any,
        },
        forwards: options.forward_to.is_some(),
        public_url,
    };
    let app = Arc::new(resources::app(config));
    let seal_key = options.seal_key.as_deref();
    let (database, writers) = Database::open(&options.data, seal_key).map_err(unusable)?;
    let max = options.max_sandboxes;
    let registry =
        Arc::new(if database.is_shared() { Registry::shared(max) } else { Registry::new(max) });
    let runtime = Arc::new(Runtime::new(app.clone()));
    let (committer, committing) =
        Committer::start(writers, database.sealer.clone(), runtime.clone()).map_err(unusable)?;
    let keys = keys(&options, &app, &registry, &database)?;
    let delivery = start_delivery(&options, &app, &database, &committer, &registry)?;
    let scheduler = Arc::new(Scheduler::default());
    let rails = start_rails(&options, &app, &database, &committer, &registry)?;
    let folder = rails.as_ref().map(|(rails, _)| rails);
    listen_to_commits(&runtime, &scheduler, &delivery, folder);
    let mut left_over = Vec::new();
    let claiming = if database.is_shared() {
        let claims = Claims::new(&database, &registry, &scheduler, &delivery, folder);
        Some(tokio::spawn(claims.run()))
    } else {
        left_over = adopt(&database, &registry, &scheduler)?;
        delivery.resume();
        None
    };
    let waking = tokio::spawn(scheduler.run(committer.clone()));
    let router = Router::new(&app).map_err(|why| Ended::new(Exit::Failed, why))?;
    let metrics = Arc::new(Metrics::new(&app));
    let gateway = Arc::new(Gateway {
        app,
        database,
        committer,
        registry,
        keys,
        router,
        delivery: delivery.clone(),
        in_flight: InFlight::default(),
        turns: clock::Turns::default(),
        metrics,
        limits,
        bodies: Room::new(BODIES_BYTES_MAX),
        stopping: AtomicBool::new(false),
        metrics_open: options.metrics_open,
        access_log: options.access_log,
        rate: options.rate_limit.map(Limiter::new),
        version: env!("CARGO_PKG_VERSION"),
    });
    snapshots::sweep_all(&gateway, left_over);
    let stop = stopped();
    tls::greet(&secure);
    greet(&gateway, &options);
    server::serve(gateway, listeners, stop).await;
    tokio::spawn(async {
        // Whoever says it twice means it.
        stopped().await;
        std::process::exit(Exit::Failed as i32);
    });
    waking.abort();
    if let Some(claiming) = claiming {
        claiming.abort();
    }
    let _ = tokio::time::timeout(http_server::limits::STOP_TIMEOUT, delivery.stop()).await;
    if let Some((rails, thread)) = rails {
        rails.stop();
        let ended = tokio::task::spawn_blocking(move || thread.join());
        let _ = tokio::time::timeout(http_server::limits::STOP_TIMEOUT, ended).await;
    }
    drop((delivery, runtime));
    // The committer ends when nobody can send to it any more; what was queued is committed first.
    let ended = tokio::task::spawn_blocking(move || committing.join());
    let _ = tokio::time::timeout(http_server::limits::STOP_TIMEOUT, ended).await;
    Ok(())
}

/// An address that pages can be reached at: scheme and host, perhaps a port and a path.
fn checked_public_url(url: &str) -> Result<String, Ended> {
    let wrong = || Ended::new(Exit::BadFlag, "--public-url looks like https://pay.example.com");
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = host.ok_or_else(wrong)?;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '"' | '<' | '>');
    if host.trim_matches('/').is_empty() || !host.chars().all(plain) {
        return Err(wrong());
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn check_signing_secret(options: &Options) -> Result<(), Ended> {
    const TAIL_CHARS_MIN: usize = 8;
    let Some(secret) = &options.signing_secret else { return Ok(()) };
    let tail = secret.strip_prefix("whsec_").unwrap_or("");
    if tail.len() >= TAIL_CHARS_MIN {
        return Ok(());
    }
    Err(Ended::new(Exit::BadFlag, "--signing-secret is whsec_ and at least 8 characters more"))
}

fn limits(options: &Options) -> Result<Limits, Ended> {
    let wrong = |why: String| Ended::new(Exit::BadFlag, why);
    let client_timeout = clock::duration(&options.client_timeout)
        .filter(|ms| *ms > 0)
        .ok_or_else(|| wrong("--client-timeout looks like 500ms, 30s or 2m".into()))?;
    let queued = options.max_queued;
    if !(1..=Limits::QUEUED_MAX).contains(&queued) {
        return Err(wrong(format!("--max-queued is a number from 1 to {}", Limits::QUEUED_MAX)));
    }
    if options.max_connections == 0 {
        return Err(wrong("--max-connections is a number from 1".into()));
    }
    Ok(Limits {
        connections: connections(options.max_connections),
        queued,
        client_timeout: Duration::from_millis(client_timeout.unsigned_abs()),
    })
}

/// As many connections as are wanted, if the system lets the program open so many files: without
/// one left, neither the store nor a webhook could be reached.
fn connections(wanted: usize) -> usize {
    let files = wanted.saturating_add(FILES_BESIDES);
    let Ok(allowed) = rlimit::increase_nofile_limit(files as u64) else { return wanted };
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    let connections = wanted.min(allowed.saturating_sub(FILES_BESIDES).max(CONNECTIONS_MIN));
    if connections < wanted {
        tracing::warn!(
            connections,
            "the system allows {allowed} open files, too few for {wanted} connections"
        );
    }
    connections
}

fn keys(
    options: &Options,
    app: &App,
    registry: &Arc<Registry>,
    database: &Arc<Database>,
) -> Result<Keys, Ended> {
    let Some(path) = &options.keys else {
        return Ok(Keys::open(registry.clone(), database.clone()));
    };
    let wrong = |why: String| Ended::new(Exit::BadFlag, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let catalogue = Catalogue::of(&app.api);
    Keys::listed(&text, &catalogue, registry.clone(), database.clone()).map_err(wrong)
}

fn start_delivery(
    options: &Options,
    app: &Arc<App>,
    database: &Arc<Database>,
    committer: &Committer,
    registry: &Arc<Registry>,
) -> Result<Arc<Delivery>, Ended> {
    let forward = delivery::Forward::new(
        options.forward_to.as_deref(),
        options.signing_secret.as_deref(),
        &database.sealer,
    );
    let forward = forward.map_err(|why| Ended::new(Exit::BadFlag, why))?;
    Ok(Delivery::start(app.clone(), database.clone(), committer.clone(), registry.clone(), forward))
}

/// The folder of ach files and the thread that looks after it, where one is wanted.
type Rails = Option<(Arc<RailDir>, JoinHandle<()>)>;

fn start_rails(
    options: &Options,
    app: &Arc<App>,
    database: &Arc<Database>,
    committer: &Committer,
    registry: &Arc<Registry>,
) -> Result<Rails, Ended> {
    let Some(folder) = &options.rail_dir else { return Ok(None) };
    let started = RailDir::start(folder, app, database, committer, registry);
    let wrong = |error| Ended::new(Exit::BadFlag, format!("{}: {error}", folder.display()));
    started.map(Some).map_err(wrong)
}

/// After each commit the scheduler learns what is due next and the deliveries begin.
fn listen_to_commits(
    runtime: &Arc<Runtime>,
    scheduler: &Arc<Scheduler>,
    delivery: &Arc<Delivery>,
    rails: Option<&Arc<RailDir>>,
) {
    let (scheduler, delivery) = (scheduler.clone(), Arc::downgrade(delivery));
    let rails = rails.map(Arc::downgrade);
    runtime.listen(Box::new(move |notice| {
        let rails = rails.as_ref().and_then(Weak::upgrade);
        for workspace in &notice.workspaces {
            scheduler.note(workspace);
            if let Some(rails) = &rails {
                rails.note(workspace);
            }
        }
        if let Some(delivery) = delivery.upgrade() {
            delivery.committed(notice);
        }
    }));
}

/// Takes in the workspaces of the store, so that what is due in them happens. Gives those in which a
/// copy was under way when the program before this one ended.
fn adopt(
    database: &Database,
    registry: &Registry,
    scheduler: &Scheduler,
) -> Result<Vec<Arc<Workspace>>, Ended> {
    let mut left_over = Vec::new();
    let mut after = 0;
    loop {
        let rows = database.read(|reader| reader.workspaces(after, ADOPT_AT_ONCE));
        let rows = rows.and_then(|inner| inner).map_err(unusable)?;
        let Some(last) = rows.last() else { return Ok(left_over) };
        after = last.number;
        for row in rows {
            let workspace = registry.adopt(row);
            scheduler.note(&workspace);
            let copies = database.read(|reader| reader.copies(workspace.home()));
            let copies = copies.and_then(|inner| inner).map_err(unusable)?;
            if copies.iter().any(|(_, row)| !matches!(row, CopyRow::Kept { .. })) {
                left_over.push(workspace);
            }
        }
    }
}

async fn listen(wanted: &[SocketAddr]) -> Result<Vec<Listener>, Ended> {
    let defaults = ["127.0.0.1:12111", "[::1]:12111"];
    let given = !wanted.is_empty();
    let wanted: Vec<SocketAddr> = if given {
        wanted.to_vec()
    } else {
        defaults.iter().filter_map(|address| address.parse().ok()).collect()
    };
    let mut listeners = Vec::new();
    for address in wanted {
        match server::bind(address).await {
            Ok(socket) => listeners.push(Listener { socket, tls: None }),
            // A machine without IPv6 serves the other default address all the same.
            Err(error)
                if !given && address.is_ipv6() && error.kind() != std::io::ErrorKind::AddrInUse => {
            }
            Err(error) => {
                let why = format!("cannot listen on {address}: {error}");
                return Err(Ended::new(Exit::AddressTaken, why));
            }
        }
    }
    Ok(listeners)
}

/// The address people are told: the first one listened on, written as 127.0.0.1 where that works.
fn address_of(listeners: &[Listener]) -> String {
    let address = listeners.first().and_then(|listener| listener.socket.local_addr().ok());
    match address {
        Some(address) if address.ip().is_unspecified() => {
            format!("http://127.0.0.1:{}", address.port())
        }
        Some(address) => format!("http://{address}"),
        None => String::new(),
    }
}

fn greet(gateway: &Gateway, options: &Options) {
    let url = &gateway.app.config.public_url;
    let key = if gateway.keys.is_open() { "sk_test_exchequer" } else { "YOUR_KEY" };
    println!(
        "Exchequer {} is ready on {url} (store {}); try: curl {url}/v1/balance -u {key}:",
        gateway.version,
        store::postgres::shown(&options.data)
    );
    if let Some(forward) = gateway.delivery.forward() {
        println!("Every event is sent to {}, signed with {}", forward.url, forward.secret);
    }
}

fn unusable(error: StoreError) -> Ended {
    Ended::new(Exit::StoreUnusable, error.to_string())
}

/// Resolves when the program is told to stop. From the call on it hears that: whoever has read that
/// the server is ready may stop it at once.
fn stopped() -> impl Future<Output = ()> {
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
            return std::future::pending().await;
        };
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    }
}
