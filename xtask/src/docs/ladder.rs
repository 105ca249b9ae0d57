//! The picture of a flow: its states side by side, and a rung for everything that can happen.
//!
//! With a rung of its own no arrow crosses another and no label meets one, however many ways lead
//! from state to state. Below stands what the balances are in each state.

use std::collections::BTreeMap;

use ledger::Impact;
use treasury::flows::{Arrow, By, Flow, Standing, State};
use treasury::transaction::StatusName;

use super::svg::{Anchor, Svg};
use crate::process::Outcome;

const MARGIN: i32 = 16;
/// Of the words to the left of the ladder.
const WORDS: i32 = 196;
/// So many small letters fit there.
const WORDS_MAX: usize = 30;
const START: i32 = 50;
const COLUMN: i32 = 102;
const BOX: (i32, i32) = (94, 38);
/// Of what moves, to the right of it.
const MOVES: i32 = 176;
const TOP: i32 = 16;
const RUNG: i32 = 44;
const LINE: i32 = 22;

pub fn draw(flow: &Flow) -> Outcome<String> {
    let standings = flow.standings().map_err(|error| format!("{}: {error}", flow.title))?;
    let columns = columns(flow);
    let mut svg = Svg::default();
    let rails = TOP + BOX.1;
    let foot = rails + 12 + RUNG * i32::try_from(flow.arrows.len()).map_err(|e| e.to_string())?;
    let right = MARGIN + WORDS + START + COLUMN * columns.len() as i32;
    let (width, height) = (right + MOVES + MARGIN, foot + 8 + 4 * LINE + 12);
    for at in (0..flow.arrows.len()).step_by(2) {
        svg.rect(1, rails + 12 + RUNG * at as i32, width - 2, RUNG, "band");
    }
    svg.line((start(), TOP + BOX.1 / 2), (start(), foot), "rail");
    svg.dot(start(), TOP + BOX.1 / 2, 8);
    svg.text(right + 12, TOP + 24, Anchor::Start, "muted", "what it moves of A");
    for (state, x) in &columns {
        svg.line((*x, rails), (*x, foot), "rail");
        head(&mut svg, flow, *state, *x);
    }
    for (at, arrow) in (0..).zip(rungs(flow)) {
        let y = rails + 12 + RUNG * at;
        rung(&mut svg, arrow, &columns, y)?;
        moves(&mut svg, arrow, right + 12, y)?;
    }
    svg.line((1, foot), (width - 1, foot), "rail");
    balances(&mut svg, &columns, &standings, foot + 8);
    svg.text(right + 12, foot + 23, Anchor::Start, "muted", "then, against before");
    Ok(svg.finish(width, height, &format!("{}: what can become of it", flow.title)))
}

/// What can happen, by where it leads to; what changes no state comes last.
pub fn rungs(flow: &Flow) -> Vec<&Arrow> {
    let columns = columns(flow);
    let column = |arrow: &Arrow| arrow.to.and_then(|state| columns.get(&state).copied());
    let mut rungs: Vec<&Arrow> = flow.arrows.iter().collect();
    rungs.sort_by_key(|arrow| column(arrow).unwrap_or(i32::MAX));
    rungs
}

/// Where the line of the start stands.
fn start() -> i32 {
    MARGIN + WORDS + START / 2
}

/// The states and the middles of their columns: what comes later stands further right, and what is
/// an end behind what is not.
fn columns(flow: &Flow) -> BTreeMap<State, i32> {
    let mut depths: Vec<(State, usize)> = Vec::new();
    let ways = || flow.arrows.iter().filter_map(|arrow| Some((arrow, arrow.to?)));
    for (_, to) in ways() {
        if !depths.iter().any(|(state, _)| *state == to) {
            depths.push((to, 0));
        }
    }
    // No way leads in a circle, so the longest has as many steps as there are states, at most.
    for _ in 0..depths.len() {
        for (arrow, to) in ways() {
            let depth_of = |state: &State| depths.iter().find(|(other, _)| other == state);
            let before = arrow.from.iter().filter_map(depth_of).map(|(_, depth)| depth + 1).max();
            if let Some((_, depth)) = depths.iter_mut().find(|(state, _)| *state == to) {
                *depth = (*depth).max(before.unwrap_or(0));
            }
        }
    }
    depths.sort_by_key(|(state, depth)| (*depth, is_end(flow, *state)));
    let left = MARGIN + WORDS + START + COLUMN / 2;
    (0..).zip(depths).map(|(at, (state, _))| (state, left + COLUMN * at)).collect()
}

fn is_end(flow: &Flow, state: State) -> bool {
    !flow.arrows.iter().any(|arrow| arrow.to.is_some() && arrow.from.contains(&state))
}

fn head(svg: &mut Svg, flow: &Flow, state: State, x: i32) {
    let class = if is_end(flow, state) { "end" } else { "box" };
    svg.rect(x - BOX.0 / 2, TOP, BOX.0, BOX.1, class);
    if state.name == state.status {
        svg.text(x, TOP + 24, Anchor::Middle, "bold", state.name);
    } else {
        svg.text(x, TOP + 17, Anchor::Middle, "bold", state.name);
        svg.text(x, TOP + 31, Anchor::Middle, "muted", &format!("({})", state.status));
    }
}

fn rung(svg: &mut Svg, arrow: &Arrow, columns: &BTreeMap<State, i32>, y: i32) -> Outcome<()> {
    svg.text(MARGIN, y + 19, Anchor::Start, "bold", arrow.action);
    let by: Vec<&str> = arrow.by.iter().map(|by| who(*by)).collect();
    let by = by.join(", ");
    if by.len() > WORDS_MAX {
        return Err(format!("there is no place for `{by}` beside the ladder"));
    }
    svg.text(MARGIN, y + 35, Anchor::Start, "muted", &by);
    let middle = y + RUNG / 2;
    let from = arrow.from.iter().filter_map(|state| columns.get(state).copied());
    let Some(to) = arrow.to.and_then(|state| columns.get(&state).copied()) else {
        from.for_each(|x| svg.turn(x, middle));
        return Ok(());
    };
    let from: Vec<i32> = if arrow.from.is_empty() { vec![start()] } else { from.collect() };
    if let Some(first) = from.iter().min() {
        svg.arrow(*first, to, middle);
    }
    for x in from {
        svg.dot(x, middle, 4);
    }
    Ok(())
}

pub fn who(by: By) -> &'static str {
    match by {
        By::Api => "API",
        By::TestHelper => "test helper",
        By::Magic => "magic",
        By::Bank => "bank",
        By::Itself => "by itself",
        By::Flow(name) => name,
    }
}

fn moves(svg: &mut Svg, arrow: &Arrow, x: i32, y: i32) -> Outcome<()> {
    let impact = arrow.impact().map_err(|error| error.to_string())?;
    let moved: Vec<(&str, i64)> =
        members(impact).into_iter().filter(|(_, change)| *change != 0).collect();
    if moved.is_empty() {
        svg.text(x, y + 27, Anchor::Start, "muted", "nothing");
    }
    let first = if moved.len() == 1 { 27 } else { 18 };
    for (line, (name, change)) in (0..).zip(moved) {
        let (text, class) = signed(change);
        svg.text(x, y + first + 17 * line, Anchor::Start, class, text);
        svg.text(x + 28, y + first + 17 * line, Anchor::Start, "", name);
    }
    Ok(())
}

/// The names of the balances, as the API has them.
pub fn members(impact: Impact) -> [(&'static str, i64); 3] {
    let Impact { cash, inbound_pending, outbound_pending } = impact;
    [("cash", cash), ("inbound_pending", inbound_pending), ("outbound_pending", outbound_pending)]
}

/// A change of one amount, and how it is coloured.
pub fn signed(change: i64) -> (&'static str, &'static str) {
    match change {
        0 => ("0", "muted"),
        1.. => ("+A", "plus"),
        _ => ("−A", "minus"),
    }
}

fn balances(
    svg: &mut Svg,
    columns: &BTreeMap<State, i32>,
    standings: &BTreeMap<State, Standing>,
    y: i32,
) {
    let below = |line: i32| y + 15 + LINE * line;
    for (line, (name, _)) in (0..).zip(members(Impact::default())) {
        svg.text(MARGIN, below(line), Anchor::Start, "", name);
    }
    svg.text(MARGIN, below(3), Anchor::Start, "", "Transaction");
    for (state, x) in columns {
        let Some(standing) = standings.get(state) else { continue };
        for (line, (_, change)) in (0..).zip(members(standing.balances)) {
            let (text, class) = signed(change);
            svg.text(*x, below(line), Anchor::Middle, class, text);
        }
        let shown = transactions(&standing.transactions);
        svg.text(*x, below(3), Anchor::Middle, "", &shown);
    }
}

fn transactions(all: &[StatusName]) -> String {
    match all {
        [] => "none".to_owned(),
        [one] => one.as_str().to_owned(),
        [first, ..] => format!("{} {}", all.len(), first.as_str()),
    }
}
