//! The bare server: axum answering the same bytes and headers for the same paths, and doing
//! nothing else. It is what HTTP alone costs on this machine, and the measure of the rest.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::answer::{Answer, Answers};
use crate::process::Outcome;

/// An answer made ready once; sending it copies its headers and shares its body.
struct Ready {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

struct AllReady {
    create: Ready,
    retrieve: Ready,
    list: Ready,
}

type Reply = (StatusCode, HeaderMap, Bytes);

/// `xtask bare-server ADDRESS [ANSWERS]`; ends when it is killed.
pub fn serve(words: &[&str]) -> Outcome<()> {
    let (address, answers) = match words {
        [address] => (*address, Answers::sample()),
        [address, path] => (*address, read(path)?),
        _ => return Err("bare-server needs an address, and may have a file of answers".into()),
    };
    let state = Arc::new(AllReady {
        create: ready(&answers.create),
        retrieve: ready(&answers.retrieve),
        list: ready(&answers.list),
    });
    let app = Router::new()
        .route("/v1/treasury/outbound_payments", get(list).post(create))
        .route("/v1/treasury/outbound_payments/{id}", get(retrieve))
        .with_state(state);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime
        .block_on(async {
            let listener = TcpListener::bind(address).await?.tap_io(|connection| {
                let _ = connection.set_nodelay(true);
            });
            axum::serve(listener, app).await
        })
        .map_err(|error| format!("{address}: {error}"))
}

/// The body is read to its end, as any server must.
async fn create(State(all): State<Arc<AllReady>>, body: Bytes) -> Reply {
    if body.is_empty() {
        return (StatusCode::BAD_REQUEST, HeaderMap::new(), Bytes::new());
    }
    reply(&all.create)
}

async fn retrieve(State(all): State<Arc<AllReady>>, Path(_id): Path<String>) -> Reply {
    reply(&all.retrieve)
}

async fn list(State(all): State<Arc<AllReady>>) -> Reply {
    reply(&all.list)
}

fn reply(ready: &Ready) -> Reply {
    (ready.status, ready.headers.clone(), ready.body.clone())
}

fn read(path: &str) -> Outcome<Answers> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}

/// Keeps every header but those that the connection makes for itself.
fn ready(answer: &Answer) -> Ready {
    let own = ["date", "content-length", "transfer-encoding", "connection", "keep-alive"];
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            && !own.contains(&name.as_str())
        {
            headers.append(name, value);
        }
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    Ready { status, headers, body: Bytes::from(answer.body.clone()) }
}
