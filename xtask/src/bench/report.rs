//! The table and the bars, as text.

use super::cells::{Cell, Floor, Product};
use super::raw_sqlite::Raw;

/// A promise about the figures of one run. Bars are never met by an unknown figure.
struct Bar {
    what: &'static str,
    figure: Option<f64>,
    bound: Bound,
}

enum Bound {
    /// A share of something else, in per cent.
    PercentMin(f64),
    TimesMin(f64),
    /// Strictly fewer than this many per create.
    PerCreateBelow(f64),
    BytesMax(f64),
}

impl Bar {
    fn met(&self) -> bool {
        let Some(figure) = self.figure else { return false };
        match self.bound {
            Bound::PercentMin(bound) => figure * 100.0 >= bound,
            Bound::TimesMin(bound) => figure >= bound,
            Bound::PerCreateBelow(bound) => figure < bound,
            Bound::BytesMax(bound) => figure <= bound,
        }
    }

    fn line(&self) -> String {
        let Some(figure) = self.figure else {
            return format!("MISSED  {}: unknown", self.what);
        };
        let (figure, bound) = match self.bound {
            Bound::PercentMin(bound) => {
                (format!("{:.1} %", figure * 100.0), format!("at least {bound} %"))
            }
            Bound::TimesMin(bound) => (format!("{figure:.2} ×"), format!("at least {bound} ×")),
            Bound::PerCreateBelow(bound) => (format!("{figure:.3}"), format!("below {bound}")),
            Bound::BytesMax(bound) => {
                (format!("{figure:.0} bytes"), format!("at most {bound} bytes"))
            }
        };
        let verdict = if self.met() { "ok    " } else { "MISSED" };
        format!("{verdict}  {}: {figure} ({bound})", self.what)
    }
}

pub fn whole(product: &Product, floor: &Floor) {
    head();
    row("create, durable", &product.create_1, None);
    row("create, durable", &product.create_16, Some(&floor.create_16));
    row("create, durable", &product.create_64, Some(&floor.create_64));
    row("create, :memory:", &product.memory_64, Some(&floor.create_64));
    row("retrieve", &product.retrieve, Some(&floor.retrieve));
    row("list of 10", &product.list, Some(&floor.list));
    row("mixed 2:2:6", &product.mixed, None);
    floor_rows(floor);
    let durable = product.create_64.rate();
    println!();
    println!("create at 64 to raw SQLite, 2 indexes   {}", percent(durable, &floor.raw_indexed));
    println!("create at 64 to raw SQLite, no index    {}", percent(durable, &floor.raw_plain));
    println!("flushes per create at 64, by the system {}", known(product.flushes_per_create));
    println!("commits per create at 64, by the server {}", known(product.commits_per_create));
    println!("bytes of store per payment              {:.0}", product.bytes_per_payment);
    println!();
    for bar in bars(product, floor) {
        println!("{}", bar.line());
    }
}

pub fn floor(floor: &Floor) {
    head();
    floor_rows(floor);
}

fn bars(product: &Product, floor: &Floor) -> Vec<Bar> {
    let share = |cell: &Cell, of: &Cell| Some(cell.rate() / of.rate());
    let flushes = product.flushes_per_create.or(product.commits_per_create);
    let bar = |what, figure, bound| Bar { what, figure, bound };
    vec![
        bar(
            "retrieve at 64, of the bare server",
            share(&product.retrieve, &floor.retrieve),
            Bound::PercentMin(40.0),
        ),
        bar(
            "list of 10 at 64, of the bare server",
            share(&product.list, &floor.list),
            Bound::PercentMin(35.0),
        ),
        bar(
            "create at 16, of the bare server",
            share(&product.create_16, &floor.create_16),
            Bound::PercentMin(8.0),
        ),
        bar(
            "create at 64, of the bare server",
            share(&product.create_64, &floor.create_64),
            Bound::PercentMin(11.0),
        ),
        bar(
            "create at 64 with :memory:, of the bare server",
            share(&product.memory_64, &floor.create_64),
            Bound::PercentMin(18.0),
        ),
        bar(
            "create at 64, of create at 1",
            share(&product.create_64, &product.create_1),
            Bound::TimesMin(4.0),
        ),
        bar("flushes per create at 64", flushes, Bound::PerCreateBelow(0.125)),
        bar("store per payment", Some(product.bytes_per_payment), Bound::BytesMax(4096.0)),
    ]
}

fn head() {
    println!();
    println!(
        "{:<26}{:>5}{:>12}{:>10}{:>10}{:>8}{:>13}{:>9}",
        "", "conn", "requests/s", "p50 ms", "p99 ms", "errors", "CPU µs/req", "of bare"
    );
}

fn row(name: &str, cell: &Cell, bare: Option<&Cell>) {
    let share =
        bare.map_or(String::new(), |bare| format!("{:.1} %", cell.rate() / bare.rate() * 100.0));
    println!(
        "{name:<26}{:>5}{:>12.0}{:>10.2}{:>10.2}{:>8}{:>13.1}{share:>9}",
        cell.connections,
        cell.rate(),
        cell.seen.p50_us as f64 / 1e3,
        cell.seen.p99_us as f64 / 1e3,
        cell.seen.errors(),
        cell.cpu_us_per_request,
    );
}

fn floor_rows(floor: &Floor) {
    row("bare create", &floor.create_16, None);
    row("bare create", &floor.create_64, None);
    row("bare retrieve", &floor.retrieve, None);
    row("bare list of 10", &floor.list, None);
    raw_row("raw SQLite, 2 indexes", &floor.raw_indexed);
    raw_row("raw SQLite, no index", &floor.raw_plain);
}

/// The rate is of payments, the latencies are of batches of 64.
fn raw_row(name: &str, raw: &Raw) {
    println!(
        "{name:<26}{:>5}{:>12.0}{:>10.2}{:>10.2}",
        "",
        raw.rate(),
        raw.p50_us as f64 / 1e3,
        raw.p99_us as f64 / 1e3,
    );
}

fn percent(rate: f64, raw: &Raw) -> String {
    format!("{:.1} %", rate / raw.rate() * 100.0)
}

fn known(figure: Option<f64>) -> String {
    figure.map_or("unknown".to_owned(), |figure| format!("{figure:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(figure: f64, bound: Bound) -> bool {
        Bar { what: "", figure: Some(figure), bound }.met()
    }

    #[test]
    fn a_bar_is_met_at_its_bound_and_missed_beyond() {
        assert!(met(0.40, Bound::PercentMin(40.0)));
        assert!(!met(0.399, Bound::PercentMin(40.0)));
        assert!(met(4.0, Bound::TimesMin(4.0)));
        assert!(!met(3.99, Bound::TimesMin(4.0)));
        assert!(met(0.124, Bound::PerCreateBelow(0.125)));
        assert!(!met(0.125, Bound::PerCreateBelow(0.125)));
        assert!(met(4096.0, Bound::BytesMax(4096.0)));
        assert!(!met(4097.0, Bound::BytesMax(4096.0)));
    }

    #[test]
    fn what_is_unknown_is_missed() {
        let bar = Bar { what: "x", figure: None, bound: Bound::TimesMin(1.0) };
        assert!(!bar.met());
        assert_eq!(bar.line(), "MISSED  x: unknown");
    }

    #[test]
    fn a_rate_that_is_no_number_is_missed() {
        assert!(!met(f64::NAN, Bound::PercentMin(1.0)));
    }
}
