//! The cells as text, and the figures that are held against their bars as one Markdown table.

use super::cells::{Cell, Floor, Product};
use super::postgres::Share;
use super::raw_sqlite::Raw;
use super::webhooks::Webhooks;

/// A figure of one run and what is wanted of it. An unknown figure never does.
pub struct Figure {
    what: String,
    figure: Option<f64>,
    bound: Bound,
}

#[derive(Clone, Copy)]
pub enum Bound {
    /// A share of something else, in per cent.
    PercentMin(f64),
    PercentMax(f64),
    TimesMin(f64),
    PerSecondMin(f64),
    /// Strictly fewer than this many per create.
    PerCreateBelow(f64),
    BytesMax(f64),
    MillisBelow(f64),
    /// The figure is in bytes.
    MebibytesBelow(f64),
    /// Nothing is wanted of it.
    None(&'static str),
}

const MEBIBYTE: f64 = 1_048_576.0;

pub fn figure(what: impl Into<String>, figure: Option<f64>, bound: Bound) -> Figure {
    Figure { what: what.into(), figure, bound }
}

impl Figure {
    fn met(&self) -> bool {
        let Some(figure) = self.figure else { return false };
        match self.bound {
            Bound::PercentMin(bound) => figure * 100.0 >= bound,
            Bound::PercentMax(bound) => figure * 100.0 <= bound,
            Bound::TimesMin(bound) | Bound::PerSecondMin(bound) => figure >= bound,
            Bound::PerCreateBelow(bound) | Bound::MillisBelow(bound) => figure < bound,
            Bound::BytesMax(bound) => figure <= bound,
            Bound::MebibytesBelow(bound) => figure / MEBIBYTE < bound,
            Bound::None(_) => true,
        }
    }

    fn line(&self) -> String {
        let figure = self.figure.map_or("unknown".to_owned(), |figure| self.shown(figure));
        let wanted = match self.bound {
            Bound::PercentMin(bound) => format!("{bound} % or more"),
            Bound::PercentMax(bound) => format!("{bound} % or less"),
            Bound::TimesMin(bound) => format!("{bound} × or more"),
            Bound::PerSecondMin(bound) => format!("{bound} or more"),
            Bound::PerCreateBelow(bound) => format!("less than {bound}"),
            Bound::BytesMax(bound) => format!("{bound} bytes or fewer"),
            Bound::MillisBelow(bound) => format!("less than {bound} ms"),
            Bound::MebibytesBelow(bound) => format!("less than {bound} MiB"),
            Bound::None(_) => String::new(),
        };
        let verdict = match self.bound {
            Bound::None(_) => "",
            _ if self.met() => "ok",
            _ => "missed",
        };
        format!("| {} | {figure} | {wanted} | {verdict} |", self.what)
    }

    fn shown(&self, figure: f64) -> String {
        match self.bound {
            Bound::PercentMin(_) | Bound::PercentMax(_) => format!("{:.1} %", figure * 100.0),
            Bound::TimesMin(_) => format!("{figure:.2} ×"),
            Bound::PerSecondMin(_) => format!("{figure:.0}"),
            Bound::PerCreateBelow(_) => format!("{figure:.3}"),
            Bound::BytesMax(_) => format!("{figure:.0} bytes"),
            Bound::MillisBelow(_) => format!("{figure:.1} ms"),
            Bound::MebibytesBelow(_) => format!("{:.1} MiB", figure / MEBIBYTE),
            Bound::None(unit) => format!("{figure:.0} {unit}").trim_end().to_owned(),
        }
    }
}

/// Markdown, to be kept as it is.
pub fn table(figures: &[Figure]) {
    println!("\n| Figure | Measured | Wanted | |\n|---|---|---|---|");
    for figure in figures {
        println!("{}", figure.line());
    }
}

pub fn whole(product: &Product, floor: &Floor, webhooks: &Webhooks, shares: &[Share]) {
    head();
    row("create, durable", &product.create_1, None);
    row("create, durable", &product.create_16, Some(&floor.create_16));
    row("create, durable", &product.create_64, Some(&floor.create_64));
    row("create, :memory:", &product.memory_64, Some(&floor.create_64));
    row("retrieve", &product.retrieve, Some(&floor.retrieve));
    row("list of 10", &product.list, Some(&floor.list));
    row("mixed 2:2:6", &product.mixed, None);
    floor_rows(floor);
    let mut figures = of_product(product, floor);
    figures.extend(of_webhooks(webhooks));
    figures.extend(of_postgres(shares));
    figures.extend(of_process(product));
    table(&figures);
}

pub fn floor(floor: &Floor) {
    head();
    floor_rows(floor);
}

pub fn webhooks(webhooks: &Webhooks) {
    table(&of_webhooks(webhooks));
}

pub fn postgres(shares: &[Share]) {
    table(&of_postgres(shares));
}

fn of_product(product: &Product, floor: &Floor) -> Vec<Figure> {
    let share = |cell: &Cell, of: &Cell| Some(cell.rate() / of.rate());
    let of_raw = |raw: &Raw| Some(product.create_64.rate() / raw.rate());
    let bare = &floor.create_64;
    let per_commit = product.flushes_per_commit.unwrap_or(1.0);
    let flushes = product.commits_per_create.map(|commits| commits * per_commit);
    vec![
        figure(
            "retrieve at 64, of the bare server",
            share(&product.retrieve, &floor.retrieve),
            Bound::PercentMin(50.0),
        ),
        figure(
            "list of 10 at 64, of the bare server",
            share(&product.list, &floor.list),
            Bound::PercentMin(40.0),
        ),
        figure(
            "create at 16, of the bare server",
            share(&product.create_16, &floor.create_16),
            Bound::PercentMin(8.0),
        ),
        figure(
            "create at 64, of the bare server",
            share(&product.create_64, bare),
            Bound::PercentMin(14.0),
        ),
        figure(
            "create at 64, of raw SQLite with 2 indexes",
            of_raw(&floor.raw_indexed),
            Bound::PercentMin(55.0),
        ),
        figure(
            "create at 64 with `:memory:`, of the bare server",
            share(&product.memory_64, bare),
            Bound::PercentMin(18.0),
        ),
        figure(
            "create at 64, of create at 1",
            share(&product.create_64, &product.create_1),
            Bound::TimesMin(4.0),
        ),
        figure("flushes for each create at 64", flushes, Bound::PerCreateBelow(0.125)),
        figure("store for each payment", Some(product.bytes_per_payment), Bound::BytesMax(4096.0)),
    ]
}

fn of_webhooks(webhooks: &Webhooks) -> Vec<Figure> {
    let after = "the same after the last payment";
    vec![
        figure(
            format!("webhooks a second, {} to 8 endpoints", webhooks.deliveries),
            Some(webhooks.rate),
            Bound::PerSecondMin(3_000.0),
        ),
        figure(after, Some(webhooks.rate_after), Bound::None("")),
        figure("CPU of a webhook", Some(webhooks.cpu_us_per_delivery), Bound::None("µs")),
    ]
}

fn of_postgres(shares: &[Share]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for share in shares {
        let Share { programs, sandboxes, .. } = share;
        let (program, sandbox) = (plural(*programs, "program"), plural(*sandboxes, "sandbox"));
        figures.push(figure(
            format!("PostgreSQL, {program}, {sandbox}: create at 64, of raw batches"),
            Some(share.of_raw()),
            Bound::PercentMin(50.0),
        ));
        let rates = format!("that is, creates a second, of {:.0}", share.raw);
        figures.push(figure(rates, Some(share.rate), Bound::None("")));
    }
    figures
}

fn plural(count: u32, what: &str) -> String {
    match (count, what) {
        (1, what) => format!("1 {what}"),
        (count, "sandbox") => format!("{count} sandboxes"),
        (count, what) => format!("{count} {what}s"),
    }
}

fn of_process(product: &Product) -> Vec<Figure> {
    let (rest, load) = (product.bytes_at_rest as f64, product.bytes_under_load as f64);
    vec![
        figure("ready with a new store", Some(product.ready_ms), Bound::MillisBelow(50.0)),
        figure("memory at rest", Some(rest), Bound::MebibytesBelow(30.0)),
        figure("memory under load", Some(load), Bound::MebibytesBelow(150.0)),
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
        cell.errors,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn met(what: f64, bound: Bound) -> bool {
        figure("", Some(what), bound).met()
    }

    #[test]
    fn a_bar_is_met_at_its_bound_and_missed_beyond() {
        assert!(met(0.40, Bound::PercentMin(40.0)));
        assert!(!met(0.399, Bound::PercentMin(40.0)));
        assert!(met(1.25, Bound::PercentMax(125.0)));
        assert!(!met(1.251, Bound::PercentMax(125.0)));
        assert!(met(4.0, Bound::TimesMin(4.0)));
        assert!(!met(3.99, Bound::TimesMin(4.0)));
        assert!(met(3_000.0, Bound::PerSecondMin(3_000.0)));
        assert!(!met(2_999.0, Bound::PerSecondMin(3_000.0)));
        assert!(met(0.124, Bound::PerCreateBelow(0.125)));
        assert!(!met(0.125, Bound::PerCreateBelow(0.125)));
        assert!(met(4096.0, Bound::BytesMax(4096.0)));
        assert!(!met(4097.0, Bound::BytesMax(4096.0)));
        assert!(!met(50.0, Bound::MillisBelow(50.0)));
        assert!(met(29.9 * MEBIBYTE, Bound::MebibytesBelow(30.0)));
        assert!(!met(30.0 * MEBIBYTE, Bound::MebibytesBelow(30.0)));
    }

    #[test]
    fn what_is_unknown_is_missed() {
        let unknown = figure("x", None, Bound::TimesMin(1.0));
        assert!(!unknown.met());
        assert_eq!(unknown.line(), "| x | unknown | 1 × or more | missed |");
    }

    #[test]
    fn a_rate_that_is_no_number_is_missed() {
        assert!(!met(f64::NAN, Bound::PercentMin(1.0)));
    }
}
