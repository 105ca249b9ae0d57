//! Webhooks: how many signed deliveries a second eight endpoints of a local sink get. The sink
//! counts every event once for each endpoint, and all must come.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::options::Options;
use super::sandbox::Sandbox;
use super::server::Server;
use crate::process::Outcome;

const ENDPOINTS: usize = 8;
const EVENT: &str = "treasury.outbound_payment.created";
/// How many payments are told of; each to every endpoint.
const PAYMENTS: usize = 2_500;
const PAYMENTS_OF_SMOKE: usize = 250;
const CLIENTS: usize = 4;
const SILENCE_MAX: Duration = Duration::from_secs(20);

pub struct Webhooks {
    pub deliveries: usize,
    /// Deliveries a second, from the first payment to the last delivery.
    pub rate: f64,
    /// The same after the last payment was answered, while nothing else was asked.
    pub rate_after: f64,
    pub cpu_us_per_delivery: f64,
}

/// What the sink has heard.
#[derive(Default)]
struct Heard {
    /// Endpoint and event.
    deliveries: HashSet<(String, String)>,
    unsigned: usize,
    last: Option<Instant>,
}

type Shared = Arc<Mutex<Heard>>;

fn lock(heard: &Shared) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn measure(folder: &Path, options: &Options) -> Outcome<Webhooks> {
    println!("webhooks");
    let payments = if options.smoke { PAYMENTS_OF_SMOKE } else { PAYMENTS };
    let program = super::program(options)?;
    let data = folder.join("webhooks.db");
    let server = Server::start(&program, &data.to_string_lossy(), folder)?;
    let sandbox = Sandbox::set_up(&server.address, folder)?;
    let heard = Shared::default();
    let port = listen(&heard)?;
    for endpoint in 0..ENDPOINTS {
        let url = format!("http://127.0.0.1:{port}/{endpoint}");
        let parameters = [("url", url.as_str()), ("enabled_events[]", EVENT)];
        sandbox.post("/v1/webhook_endpoints", &parameters)?;
    }
    let cpu_before = server.cpu_seconds()?;
    let begun = Instant::now();
    let account = sandbox.target.account.clone();
    thread::scope(|threads| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let sandbox = sandbox.another(client);
                let share = payments / CLIENTS + usize::from(client < payments % CLIENTS);
                threads.spawn(move || (0..share).try_for_each(|_| sandbox.create().map(|_| ())))
            })
            .collect();
        let failed = || Err("a client panicked".to_owned());
        clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(|_| failed()))
    })
    .map_err(|error| format!("{account}: {error}"))?;
    let (answered, early) = (Instant::now(), lock(&heard).deliveries.len());
    let deliveries = payments * ENDPOINTS;
    let last = wait_for(&heard, deliveries)?;
    let cpu = server.cpu_seconds()? - cpu_before;
    server.stop()?;
    let after = last.saturating_duration_since(answered).as_secs_f64();
    let late = (deliveries - early.min(deliveries)) as f64;
    Ok(Webhooks {
        deliveries,
        rate: deliveries as f64 / last.duration_since(begun).as_secs_f64(),
        rate_after: if after > 0.0 { late / after } else { 0.0 },
        cpu_us_per_delivery: cpu * 1e6 / deliveries as f64,
    })
}

/// Waits for all of them, and gives the moment of the last.
fn wait_for(heard: &Shared, deliveries: usize) -> Outcome<Instant> {
    let mut before = (0, Instant::now());
    loop {
        let (count, unsigned, last) = {
            let heard = lock(heard);
            (heard.deliveries.len(), heard.unsigned, heard.last)
        };
        if unsigned > 0 {
            return Err(format!("{unsigned} deliveries were not signed"));
        }
        if let Some(last) = last.filter(|_| count >= deliveries) {
            return Ok(last);
        }
        if count > before.0 {
            before = (count, Instant::now());
        } else if before.1.elapsed() > SILENCE_MAX {
            return Err(format!("{count} deliveries came, not {deliveries}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Takes everything on a free port, for as long as this process lives.
fn listen(heard: &Shared) -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let heard = heard.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let heard = heard.clone();
            // A connection that breaks is the sender's to make again.
            thread::spawn(move || take_all(stream, &heard).ok());
        }
    });
    Ok(port)
}

fn take_all(stream: TcpStream, heard: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut is_signed) = (0, false);
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            } else if name.eq_ignore_ascii_case("stripe-signature") {
                is_signed = value.contains("v1=");
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        {
            let mut heard = lock(heard);
            heard.unsigned += usize::from(!is_signed);
            heard.deliveries.insert((path, event_of(&body)));
            heard.last = Some(Instant::now());
        }
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}

/// The event's id, which stands at the beginning: all of the body need not be read for it.
fn event_of(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let id = start.find("evt_").map(|at| &start[at..]);
    id.and_then(|id| id.split('"').next()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_by_its_id() {
        assert_eq!(event_of(b"{\n  \"id\": \"evt_1Ab\",\n  \"object\": \"event\""), "evt_1Ab");
        assert_eq!(event_of(b"{}"), "");
    }
}
