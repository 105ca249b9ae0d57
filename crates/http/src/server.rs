//! Listening, connections, and the parts of the server that are not the API: the front page,
//! receipts, `/openapi.json` and `/_exchequer/`.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use api::operation::Method;
use api::runtime::{Acting, platform};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::service::service_fn;
use hyper::{Request, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::answer::{Answer, HttpResponse};
use crate::connections::{Door, Impatient};
use crate::gateway::Gateway;
use crate::keys::Peer;
use crate::limits::*;
use crate::seen::Seen;
use crate::tls::Tls;
use crate::{control, openapi, pages, refusals};

/// What ends when the server stops: connections when they have been answered, handshakes at once.
#[derive(Clone)]
struct Watch {
    graceful: Arc<Mutex<Option<GracefulShutdown>>>,
    stopping: watch::Receiver<()>,
}

impl Watch {
    /// The connection until either side ends it; none when the server has stopped meanwhile.
    fn over<C: GracefulConnection>(
        &self,
        connection: C,
    ) -> Option<impl Future<Output = C::Output> + use<C>> {
        let graceful = self.graceful.lock().unwrap_or_else(PoisonError::into_inner);
        graceful.as_ref().map(|graceful| graceful.watch(connection))
    }
}

/// Where connections come in, and whether they shake hands first.
pub struct Listener {
    pub socket: TcpListener,
    pub tls: Option<Tls>,
}

/// Serves until `stop` resolves, then lets requests in progress end.
pub async fn serve(
    gateway: Arc<Gateway>,
    listeners: Vec<Listener>,
    stop: impl Future<Output = ()>,
) {
    let (running, stopping) = watch::channel(());
    let graceful = Arc::new(Mutex::new(Some(GracefulShutdown::new())));
    let watch = Watch { graceful: graceful.clone(), stopping };
    let door = Arc::new(Door::new(gateway.limits.connections));
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            tokio::spawn(accept(listener, gateway.clone(), watch.clone(), door.clone()))
        })
        .collect();
    stop.await;
    gateway.stopping.store(true, Ordering::Relaxed);
    for task in accepting {
        task.abort();
        let _ = task.await;
    }
    drop(running);
    let graceful = graceful.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(graceful) = graceful {
        let _ = tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await;
    }
}

async fn accept(listener: Listener, gateway: Arc<Gateway>, watch: Watch, door: Arc<Door>) {
    loop {
        let (stream, from) = match listener.socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, for instance: accepting goes on when some are free again.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            }
        };
        let Some(admitted) = door.admit(&gateway.metrics) else {
            // Shaking hands first would be work for nothing: a connection that closes says it too.
            if listener.tls.is_none() {
                door.turn_away(stream);
            }
            continue;
        };
        let timeout = gateway.limits.client_timeout;
        let stream = Impatient::new(stream, timeout, gateway.metrics.clone());
        let (gateway, peer) = (gateway.clone(), Peer(from.ip()));
        // A client that breaks off, or sends nonsense, ends its own connection only.
        let Some(tls) = listener.tls.clone() else {
            let Some(served) = watch.over(connection(stream, peer, gateway)) else { return };
            tokio::spawn(async move {
                let _ = served.await;
                drop(admitted);
            });
            continue;
        };
        let mut watch = watch.clone();
        tokio::spawn(async move {
            let shaken = tokio::select! {
                shaken = tls.accept(stream, timeout) => shaken,
                _ = watch.stopping.changed() => None,
            };
            let shaken = shaken.and_then(|stream| watch.over(connection(stream, peer, gateway)));
            if let Some(served) = shaken {
                let _ = served.await;
            }
            drop(admitted);
        });
    }
}

fn connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: Peer,
    gateway: Arc<Gateway>,
) -> impl GracefulConnection<Error = hyper::Error> {
    let timeout = gateway.limits.client_timeout;
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let gateway = gateway.clone();
        async move { respond(gateway, request).await }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}

/// Why a connection is closed without an answer; only tests ask for it.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dropped")
    }
}

impl std::error::Error for Dropped {}

async fn respond(
    gateway: Arc<Gateway>,
    request: Request<Incoming>,
) -> Result<HttpResponse, Dropped> {
    let post = request.method() == hyper::Method::POST;
    let api = request.uri().path().starts_with("/v1/");
    let mut seen = Seen::new(&gateway, &request);
    let answer = guarded(answer(&gateway, request, &mut seen)).await.unwrap_or_else(|| {
        tracing::error!(request = seen.request_id, "a request panicked");
        Answer::error(&api::ApiError::internal(), None)
    });
    seen.answered(&gateway, &answer);
    if post && api && should_drop() {
        return Err(Dropped);
    }
    Ok(answer.into_response())
}

/// A panic on the way of one request answers 500; the server and its other requests go on.
async fn guarded<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(move |context| {
        let poll = AssertUnwindSafe(|| work.as_mut().poll(context));
        match catch_unwind(poll) {
            Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

fn should_drop() -> bool {
    fail::fail_point!("drop_answer", |_| true);
    false
}

async fn answer(gateway: &Arc<Gateway>, request: Request<Incoming>, seen: &mut Seen) -> Answer {
    if line_bytes(request.uri()) > REQUEST_LINE_BYTES_MAX {
        return Answer::html(414, "<h1>414 Request-URI Too Large</h1>\n".into());
    }
    if gateway.keys.is_open() && !is_own_site(gateway, request.headers()) {
        return Answer::error(&refusals::foreign_site(), None);
    }
    let path = request.uri().path().to_owned();
    let get = matches!(*request.method(), hyper::Method::GET | hyper::Method::HEAD);
    if request.method() == hyper::Method::OPTIONS {
        return preflight(request.headers());
    }
    match path.as_str() {
        "/" if get => Answer::html(200, pages::front(gateway)),
        "/openapi.json" if get => Answer::json(200, openapi::document(&gateway.app)),
        _ if path.starts_with("/_exchequer/") => control::answer(gateway, request, seen).await,
        _ if get && path.starts_with(pages::RECEIPTS) => receipt(gateway, &path).await,
        _ => gateway.api(request, seen).await,
    }
}

/// A receipt, for whoever has its address.
async fn receipt(gateway: &Gateway, path: &str) -> Answer {
    let token = &path[pages::RECEIPTS.len()..];
    let not_found = || Answer::html(404, pages::not_found());
    let receipts = &gateway.app.api.receipts;
    let number = (receipts.workspace)(&gateway.database.sealer, token);
    let workspace = number.and_then(|number| gateway.registry.by_home(number));
    let Some(workspace) = workspace else { return not_found() };
    if gateway.catch_up(&workspace).await.is_err() {
        return not_found();
    }
    let acting = Acting { owner: platform(&workspace), request: None };
    match gateway.with_view(&workspace, acting, |view| (receipts.page)(view, token)) {
        Ok(Some(page)) => Answer::html(200, page),
        _ => not_found(),
    }
}

fn line_bytes(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |line| line.as_str().len())
}

/// Whether a request comes from this machine's own pages or from no page at all, and names this
/// server as people name it: another name that leads here is somebody's trick with DNS.
fn is_own_site(gateway: &Gateway, headers: &HeaderMap) -> bool {
    let public: Option<Uri> = gateway.app.config.public_url.parse().ok();
    let public = public.as_ref().and_then(Uri::host).unwrap_or("");
    let own = |host: &str| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<std::net::IpAddr>().is_ok()
            || bare.eq_ignore_ascii_case("localhost")
            || bare.to_ascii_lowercase().ends_with(".localhost")
            || bare.eq_ignore_ascii_case(public)
    };
    if let Some(host) = headers.get(HOST) {
        let host = host.to_str().ok().and_then(|host| host.parse::<Uri>().ok());
        if !host.is_some_and(|uri| uri.host().is_some_and(own)) {
            return false;
        }
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    origin.is_some_and(|uri| uri.host().is_some_and(|host| is_loopback(host) || host == public))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    address.map_or_else(|_| bare.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback())
}

/// Asked by a browser before a request from another page; who may ask was settled before.
fn preflight(headers: &HeaderMap) -> Answer {
    let mut answer = Answer::html(200, String::new());
    let wanted = headers.get("access-control-request-headers");
    if let Some(wanted) = wanted.and_then(|value| value.to_str().ok()) {
        answer.set("access-control-allow-headers", wanted);
    }
    answer
}

/// Binds an address, or says that it is taken.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// What the server's own documents call a method.
pub fn verb(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Delete => "delete",
    }
}
