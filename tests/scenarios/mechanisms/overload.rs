//! More than the server can do: it refuses at once what is too much, and neither slows down nor
//! grows. A binary of its own, one test at a time: it needs all there is of the machine.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::scope;
use std::time::{Duration, Instant};

use exchequer_tests::{Folder, Metrics, Sandbox, Server, run_program};

mod failpoints;

const MIB: usize = 1 << 20;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn refusals(metrics: &Metrics, reason: &str) -> f64 {
    metrics.value(&format!("exchequer_refusals_total{{reason=\"{reason}\"}}"))
}

/// What became of the writes of one client.
#[derive(Default)]
struct Told {
    done: Vec<String>,
    refused: Vec<Duration>,
}

/// Posts like a client that waits before it tries again.
fn write(given: &Sandbox, rounds: usize) -> Told {
    let mut told = Told::default();
    for _ in 0..rounds {
        let started = Instant::now();
        let answer = given.post("/v1/customers", &[("name", "Ann")]);
        if answer.status == 200 {
            told.done.push(answer.id());
            continue;
        }
        told.refused.push(started.elapsed());
        answer.expect_error(503, "api_error", None, None);
        answer.expect_header("Stripe-Should-Retry", "true");
        std::thread::sleep(Duration::from_millis(500));
    }
    told
}

/// Reads one object until it is told to stop; how long each read took.
fn read(given: &Sandbox, path: &str, over: &AtomicBool) -> Vec<Duration> {
    let mut took = Vec::new();
    while !over.load(Ordering::Acquire) {
        let started = Instant::now();
        given.get(path).ok();
        took.push(started.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    took
}

/// The most memory and the longest queue of many looks.
fn watch(given: &Sandbox, over: &AtomicBool) -> (f64, f64) {
    let (mut memory, mut queue) = (0_f64, 0_f64);
    while !over.load(Ordering::Acquire) {
        let metrics = Metrics::of(given);
        memory = memory.max(metrics.value("process_resident_memory_bytes"));
        queue = queue.max(metrics.value("exchequer_queue_commands"));
        std::thread::sleep(Duration::from_millis(50));
    }
    (memory, queue)
}

#[test]
fn more_writes_than_can_be_committed() {
    const CLIENTS: usize = 320;
    const ROUNDS: usize = 6;
    const QUEUED: f64 = 64.0;
    let _alone = alone();
    let folder = Folder::new();
    let data = folder.file("store.db");
    let server = failpoints::server(&["--data", &data, "--max-queued", "64"]);
    let given = Sandbox::on_server(&server);
    let first = given.post("/v1/customers", &[("name", "Ann")]).id();
    let path = format!("/v1/customers/{first}");
    let before = Metrics::of(&given).value("process_resident_memory_bytes");
    failpoints::set(&given, "hold_committer", "sleep(200)");

    let over = AtomicBool::new(false);
    let (told, reads, (memory, queue)) = scope(|threads| {
        let reader = threads.spawn(|| read(&given, &path, &over));
        let watcher = threads.spawn(|| watch(&given, &over));
        let writers: Vec<_> =
            (0..CLIENTS).map(|_| threads.spawn(|| write(&given, ROUNDS))).collect();
        let told: Vec<Told> =
            writers.into_iter().map(|writer| writer.join().expect("answers")).collect();
        over.store(true, Ordering::Release);
        (told, reader.join().expect("reads"), watcher.join().expect("looks"))
    });

    failpoints::set(&given, "hold_committer", "off");
    let done: usize = told.iter().map(|told| told.done.len()).sum();
    let refused: Vec<Duration> = told.iter().flat_map(|told| told.refused.clone()).collect();
    let (count, typical) = (refused.len(), median(refused));
    let metrics = Metrics::of(&given);
    assert_eq!(refusals(&metrics, "queue"), count as f64, "each refusal is counted");
    assert!(count > CLIENTS && done > 64, "{count} were refused, {done} done");
    assert!(typical < Duration::from_millis(100), "a refusal typically took {typical:?}");
    let reading = median(reads);
    assert!(reading < Duration::from_millis(100), "a read typically took {reading:?}");
    // Two threads may find the last place in the queue at once.
    assert!(queue <= QUEUED + 8.0, "{queue} commands were waiting");
    let grown = (memory - before) / MIB as f64;
    assert!(grown < 64.0, "it grew by {grown:.1} MiB");

    given.post("/v1/customers", &[("name", "Bea")]).ok();
    given.get("/_exchequer/ready").ok();
    for id in told.iter().flat_map(|told| &told.done) {
        given.get(&format!("/v1/customers/{id}")).ok();
    }
    let made = given.events("customer.created").len();
    assert_eq!(made, 100.min(done + 2), "an event for each");
    assert!(server.stop().success());
    let verified = run_program(&["verify", "--data", &data]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// One exchange on a connection that stays open.
fn exchange(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = [0; 4096];
    let count = stream.read(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[test]
fn more_connections_than_are_served() {
    const SERVED: usize = 300;
    let _alone = alone();
    let server = Server::start(&["--max-connections", "300", "--metrics-open"]);
    let given = Sandbox::on_server(&server);
    let connect = || {
        let stream = TcpStream::connect(given.address()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream
    };
    let mut open: Vec<TcpStream> = (0..SERVED).map(|_| connect()).collect();

    let mut took = Vec::new();
    for _ in 0..25 {
        let started = Instant::now();
        let answer = given.post("/v1/customers", &[]);
        took.push(started.elapsed());
        answer.expect_error(503, "api_error", None, None);
        answer.expect_header("Stripe-Should-Retry", "true");
    }
    let typical = median(took);
    assert!(typical < Duration::from_millis(100), "a refusal typically took {typical:?}");
    for stream in &mut open {
        let answer = exchange(stream, "/_exchequer/health");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    open.truncate(SERVED - 10);
    let until = Instant::now() + Duration::from_secs(10);
    while given.get("/_exchequer/health").status != 200 {
        assert!(Instant::now() < until, "no place became free");
    }
    given.post("/v1/customers", &[]).ok();
    let metrics = Metrics::of(&given);
    assert!(refusals(&metrics, "connections") >= 25.0);
    assert_eq!(metrics.value("exchequer_connections_max"), SERVED as f64);
    drop(open);
    Metrics::until(&given, "exchequer_connections_open", |open| open <= 1.0);
}

/// The head of a POST, and as much of its body.
fn begin_post(given: &Sandbox, announced: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(given.address()).expect("a connection");
    let head = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {announced}\r\n\r\n",
        given.key()
    );
    stream.write_all(head.as_bytes()).expect("a head");
    // One that is refused in the middle is closed.
    let _ = stream.write_all(&vec![b'a'; sent]);
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

#[test]
fn more_bodies_than_there_is_memory_for() {
    let _alone = alone();
    let server = Server::start(&[]);
    let given = Sandbox::on_server(&server);
    let held = "exchequer_body_bytes";
    let clients: Vec<_> = (0..64).map(|_| begin_post(&given, MIB, MIB - 1)).collect();
    Metrics::until(&given, held, |bytes| bytes == (64 * (MIB - 1)) as f64);
    let refused = given.post("/v1/customers", &[("description", &"a".repeat(300))]);
    refused.expect_error(503, "api_error", None, None);
    refused.expect_header("Stripe-Should-Retry", "true");
    let metrics = Metrics::of(&given);
    assert_eq!(refusals(&metrics, "memory"), 1.0);
    drop(clients);
    Metrics::until(&given, held, |bytes| bytes == 0.0);
    given.post("/v1/customers", &[("description", &"a".repeat(300))]).ok();
}

/// What still comes until the server closes.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server did not close: {error}"),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn clients_that_are_too_slow() {
    const PIPELINED: usize = 2_000;
    let _alone = alone();
    let server = Server::start(&["--client-timeout", "1s"]);
    let given = Sandbox::on_server(&server);
    let mut head = TcpStream::connect(given.address()).expect("a connection");
    head.write_all(b"POST /v1/customers HTTP/1.1\r\nHost: loc").expect("half a head");
    head.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut body = begin_post(&given, 100, 10);
    // This one asks for ever more and takes nothing of it.
    let mut greedy = TcpStream::connect(given.address()).expect("a connection");
    greedy.set_write_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    let request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let _ = greedy.write_all(&request.repeat(PIPELINED));

    given.post("/v1/customers", &[]).ok();
    assert!(!rest(&mut head).contains(" 200 "));
    let answer = rest(&mut body);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let metrics =
        Metrics::until(&given, "exchequer_refusals_total{reason=\"slow\"}", |count| count >= 2.0);
    assert!(metrics.value("process_resident_memory_bytes") < 256.0 * MIB as f64);
    Metrics::until(&given, "exchequer_connections_open", |open| open <= 1.0);
    given.post("/v1/customers", &[]).ok();
}
