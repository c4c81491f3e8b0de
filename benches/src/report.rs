//! Writes the report of a run as Markdown: the comparison, the goals, and the split of the instructions.

use std::fmt::Write;

use crate::figures::Figures;
use crate::goal::{Standing, Verdict, shown};
use crate::profile::Shares;
use crate::speed::Speed;
use crate::statistics::{Sample, number};

/// Number of crates listed per profile.
const CRATES: usize = 12;

/// The programs in the order of the tables.
const PROGRAMS: [&str; 3] = ["hello", "record-usage", "node"];

/// Writes the whole report.
pub(crate) fn whole(figures: &Figures) -> String {
    let mut text = format!("{}\n{}", origin(figures), compared(figures));
    text.push_str(&flows(figures));
    text.push_str(&costs(figures));
    text.push_str(&scale(figures));
    text.push_str(&instructions("a start", figures.init.get("record-usage")));
    text.push_str(&instructions(
        "a warm usage",
        figures.warm.get("record-usage"),
    ));
    text.push_str(&goals(&figures.goals));
    text
}

/// Describes the run that the figures are from.
fn origin(figures: &Figures) -> String {
    let (amount, versions) = (figures.amount, figures.versions.join(", "));
    format!(
        "`{}`, {}, on {}.\n{versions}. {} starts and {} warm invocations of each program, in turns; memory after {}.\n\
         Medians, and minima in brackets.\n",
        figures.command,
        figures.day,
        figures.machine,
        amount.spawns,
        amount.invocations,
        amount.memory
    )
}

/// Writes the comparison, one figure per line.
fn compared(figures: &Figures) -> String {
    let mut text = String::from(
        "| | bare hello | record-usage | Node.js | × hello | Node.js × |\n|---|---|---|---|---|---|\n",
    );
    let sample = |of: fn(&Speed) -> &Sample, scale: f64| {
        PROGRAMS.map(|name| {
            figures.speeds.get(name).map(|speed| {
                let Sample { median, min, .. } = of(speed);
                (median / scale, Some(min / scale))
            })
        })
    };
    let plain =
        |of: &dyn Fn(&str) -> Option<f64>| PROGRAMS.map(|name| of(name).map(|value| (value, None)));
    let speed = |of: fn(&Speed) -> f64| plain(&|name| figures.speeds.get(name).map(of));
    let zips = plain(&|name| {
        let zips = figures
            .zips
            .get(name)
            .or_else(|| figures.other_zips.get(name));
        zips.map(|bytes| number(*bytes) / 1e6)
    });
    let rows = [
        (
            "CPU of a start, ms",
            sample(|speed| &speed.init_cpu_ms, 1.0),
        ),
        (
            "time of a start, ms",
            sample(|speed| &speed.init_wall_ms, 1.0),
        ),
        (
            "instructions of a start, M",
            plain(&|name| figures.init.get(name).map(|shares| shares.total / 1e6)),
        ),
        (
            "CPU of a warm invocation, µs",
            sample(|speed| &speed.warm_cpu_us, 1.0),
        ),
        (
            "instructions of a warm invocation, k",
            plain(&|name| figures.warm.get(name).map(|shares| shares.total / 1e3)),
        ),
        (
            "memory after a start, MB",
            sample(|speed| &speed.init_rss_kb, 1024.0),
        ),
        (
            "memory after many invocations, MB",
            speed(|speed| speed.rss_kb / 1024.0),
        ),
        (
            "growth over as many more, KB",
            speed(|speed| speed.growth_kb),
        ),
        ("zip, MB", zips),
    ];
    for (what, values) in rows {
        let cell = |value: &Option<(f64, Option<f64>)>| match value {
            Some((median, Some(min))) => format!("{} ({})", shown(*median), shown(*min)),
            Some((value, None)) => shown(*value),
            None => "–".to_owned(),
        };
        let ratio = |over: usize, under: usize| match (&values[over], &values[under]) {
            (Some((over, _)), Some((under, _))) if *under > 0.0 && *over > 0.0 => {
                shown(over / under)
            }
            _ => "–".to_owned(),
        };
        let cells = [
            cell(&values[0]),
            cell(&values[1]),
            cell(&values[2]),
            ratio(1, 0),
            ratio(2, 1),
        ];
        let _ = writeln!(text, "| {what} | {} |", cells.join(" | "));
    }
    text.push('\n');
    text
}

fn flows(figures: &Figures) -> String {
    let mut text = String::from(
        "| flow | sequential hops | requests | write units | read units |\n|---|---|---|---|---|\n",
    );
    for (name, asked) in &figures.asked {
        let cells = [
            asked.rounds,
            asked.requests,
            asked.units.write,
            asked.units.read,
        ]
        .map(shown);
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text.push('\n');
    text
}

fn costs(figures: &Figures) -> String {
    let mut text = String::from(
        "| a million usages, $ | API | Lambda, requests | Lambda, time | of which CPU | DynamoDB | logs | total |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (name, cost) in &figures.costs {
        let cells = [
            cost.api,
            cost.lambda_requests,
            cost.lambda_time,
            cost.of_it_cpu,
            cost.dynamodb,
            cost.logs,
            cost.all,
        ];
        let cells = cells.map(|dollars| format!("{dollars:.2}"));
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text.push('\n');
    text
}

fn scale(figures: &Figures) -> String {
    let mut text = String::from(
        "| environments at once | usages a second | share of linear | CPU used |\n|---|---|---|---|\n",
    );
    for point in &figures.scale {
        let busy = point.busy * 100.0;
        let (per_second, linear) = (shown(point.per_second), shown(point.linear));
        let _ = writeln!(
            text,
            "| {} | {per_second} | {linear} | {busy:.0} % |",
            point.environments
        );
    }
    text.push('\n');
    text
}

/// Writes the instructions by owner and by crate.
fn instructions(what: &str, shares: Option<&Shares>) -> String {
    let Some(shares) = shares else {
        return String::new();
    };
    let mut text = format!("Instructions of {what}: {:.0}.\n\n", shares.total);
    let part = |cost: f64| cost / shares.total * 100.0;
    let _ = writeln!(text, "| owner | instructions | % |\n|---|---|---|");
    for (owner, cost) in &shares.by_owner {
        let _ = writeln!(
            text,
            "| {} | {cost:.0} | {:.1} |",
            owner.name(),
            part(*cost)
        );
    }
    let _ = writeln!(
        text,
        "\n| crate of the code | instructions | % |\n|---|---|---|"
    );
    for (name, cost) in shares.by_crate.iter().take(CRATES) {
        let _ = writeln!(text, "| {name} | {cost:.0} | {:.1} |", part(*cost));
    }
    text.push('\n');
    text
}

/// Writes the goals with their figures; the last line counts those that are met.
pub(crate) fn goals(goals: &[Verdict]) -> String {
    let mut text = String::from("| goal | | figure | ratio | |\n|---|---|---|---|---|\n");
    for verdict in goals {
        let figure = verdict.figure.map_or("not measured".to_owned(), |figure| {
            format!("{} {}", shown(figure), verdict.unit)
                .trim()
                .to_owned()
        });
        let ratio = verdict.ratio.map_or("–".to_owned(), shown);
        let standing = match (&verdict.explanation, verdict.standing) {
            (_, Standing::Met) => "met".to_owned(),
            (Some(why), _) => format!("explained: {why}"),
            (None, _) => "**open**".to_owned(),
        };
        let (what, goal) = (verdict.what, &verdict.goal);
        let _ = writeln!(
            text,
            "| {what} | {goal} | {figure} | {ratio} | {standing} |"
        );
    }
    let count = |standing| {
        goals
            .iter()
            .filter(|verdict| verdict.standing == standing)
            .count()
    };
    let _ = writeln!(
        text,
        "\ngoals: {} met, {} explained, {} open",
        count(Standing::Met),
        count(Standing::Explained),
        count(Standing::Open)
    );
    text
}
