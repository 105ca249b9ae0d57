//! A webhook receiver on loopback: answers by a script and remembers what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::signature::Signature;

const WAIT: Duration = Duration::from_secs(10);

/// What the receiver says to one request.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    /// A redirect to this URL.
    Redirect(String),
    /// Takes the request and never answers, until the receiver is dropped.
    Hang,
    /// Closes the connection without a word.
    Close,
}

/// One request the receiver got.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Listens on a free port; the last line of its script is repeated for ever.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    script: Mutex<Vec<Reply>>,
    received: Mutex<Vec<Received>>,
    arrived: Condvar,
    closed: AtomicBool,
}

impl Receiver {
    /// Answers 200 to everything.
    pub fn new() -> Self {
        Self::answering(&[200])
    }

    /// Answers with these statuses, one request after the other, the last one for ever.
    pub fn answering(statuses: &[u16]) -> Self {
        Self::scripted(statuses.iter().copied().map(Reply::Status).collect())
    }

    pub fn scripted(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            script: Mutex::new(script),
            received: Mutex::new(Vec::new()),
            arrived: Condvar::new(),
            closed: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.closed.load(Ordering::Acquire) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on the receiver answers like this.
    pub fn now_answers(&self, status: u16) {
        *self.state.script.lock().expect("the script") = vec![Reply::Status(status)];
    }

    /// All requests until now.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().expect("the requests").clone()
    }

    /// Waits until this many requests have come, and gives them all.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let received = self.state.received.lock().expect("the requests");
        let missing = |requests: &mut Vec<Received>| requests.len() < count;
        let (received, late) =
            self.state.arrived.wait_timeout_while(received, WAIT, missing).expect("the requests");
        assert!(!late.timed_out(), "{} requests came, not {count}: {received:?}", received.len());
        received.clone()
    }

    /// Waits for one request more than there were, and gives the last.
    #[track_caller]
    pub fn wait_for_one(&self) -> Received {
        self.wait_for(1).pop().expect("one request")
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::Release);
        // Wakes the listener, which then sees that it is over.
        TcpStream::connect(self.address).ok();
    }
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    #[track_caller]
    pub fn event_id(&self) -> String {
        self.json()["id"].as_str().expect("an id").to_owned()
    }

    #[track_caller]
    pub fn event_type(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    #[track_caller]
    pub fn signature(&self) -> Signature {
        let header = self.header("Stripe-Signature").expect("a signature");
        Signature::parse(header).unwrap_or_else(|| panic!("a signature: {header}"))
    }

    #[track_caller]
    pub fn verifies(&self, secret: &str) -> bool {
        self.signature().verifies(&self.body, secret)
    }
}

/// Serves one connection: as many requests as the sender keeps it open for.
fn serve(stream: TcpStream, state: &State) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let reply = next_reply(state);
        state.received.lock().expect("the requests").push(request);
        state.arrived.notify_all();
        let head = match reply {
            Reply::Status(status) => format!("HTTP/1.1 {status} Scripted\r\n"),
            Reply::Redirect(to) => format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n"),
            Reply::Close => return,
            Reply::Hang => {
                while !state.closed.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return;
            }
        };
        if write!(writer, "{head}Content-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn next_reply(state: &State) -> Reply {
    let mut script = state.script.lock().expect("the script");
    if script.len() > 1 { script.remove(0) } else { script[0].clone() }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { method, path, headers, body })
}

#[cfg(test)]
mod tests {
    use super::{Receiver, Reply};
    use crate::Sandbox;

    #[test]
    fn the_script_is_followed_and_its_last_line_repeated() {
        let receiver =
            Receiver::scripted(vec![Reply::Status(500), Reply::Close, Reply::Status(204)]);
        let sender = Sandbox::at(&receiver.address.to_string(), "sk_test_sender");
        assert_eq!(sender.post("/hooks", &[("a", "ä")]).status, 500);
        assert!(sender.try_send("POST", "/hooks", b"").is_err());
        assert_eq!(sender.post("/hooks", &[]).status, 204);
        assert_eq!(sender.post("/hooks", &[]).status, 204);
        let received = receiver.wait_for(4);
        assert_eq!(received[0].body, b"a=%C3%A4");
        assert_eq!(received[0].header("authorization"), Some("Bearer sk_test_sender"));
    }
}
