//! The one tool a developer needs to know: `cargo xtask check`, `test`, `readme`, `docs` and
//! `bench`.
//!
//! Each subcommand is a file. Three more exist for `bench` itself, which runs them as children
//! so that they are measured as processes of their own: `bare-server`, `raw-sqlite` and
//! `raw-postgres`.

mod bench;
mod check;
mod docs;
mod process;
mod readme;
mod test;

use process::Outcome;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  check                formatting, lints and unit tests
  test [FILTER]        sets up and runs every test; ends with `N passed, M failed`
  readme               follows the README in a fresh clone of the last commit (on port 12111)
  readme --write       writes the README's table of what is served anew
  docs --write         draws the pictures of the guide and writes its tables anew
  bench [OPTIONS]      measures the release binary on its durable store, and the bars
  bench bare           measures only what this machine can do: the bare server and raw SQLite
  bench postgres       measures only the cells on PostgreSQL
  bench webhooks       measures only deliveries
  bench growth         compares a small store with a large one (long: run it by hand)

bench options:
  --seconds N          length of each round (default 5)
  --rounds N           rounds of each cell, of which the best counts (default 3)
  --smoke              about ten seconds of load; bars are shown, only errors fail it
  --data DIR           where the stores are put (default target/bench; must be a real disk)
  --program PATH       measure this build of the server, and build none
  --payments N         fill the store with N payments before the reads are measured
  --small N, --large N the two sizes of `bench growth` (default 10000 and 1000000)";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.split_first() {
        Some((&"check", [])) => check::run(),
        Some((&"test", rest)) if rest.len() <= 1 => test::run(rest.first().copied()),
        Some((&"readme", [])) => readme::run(),
        Some((&"readme", ["--write"])) => readme::write(),
        Some((&"docs", ["--write"])) => docs::write(),
        Some((&"bench", rest)) => bench::run(rest),
        Some((&"bare-server", rest)) => bench::bare::serve(rest),
        Some((&"raw-sqlite", rest)) => bench::raw_sqlite::run(rest),
        Some((&"raw-postgres", rest)) => bench::raw_postgres::run(rest),
        Some((&("help" | "--help" | "-h"), _)) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => usage(),
    };
    if let Err(message) = outcome {
        eprintln!("xtask: {message}");
        std::process::exit(1);
    }
}

fn usage() -> Outcome<()> {
    eprintln!("{USAGE}");
    std::process::exit(2);
}
