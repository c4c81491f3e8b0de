//! Runs the comparison or the budget, from start to finish.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use shared::process::clock::Clock;

use crate::cost::Prices;
use crate::figures::Figures;
use crate::flow::{Caller, Flow, prime, usage_event};
use crate::program::Program;
use crate::speed::Amount;
use crate::world::{Failure, World};
use crate::{budget, callgrind, goal, rounds, speed, trial};

/// All functions.
const FUNCTIONS: [&str; 7] = [
    "create-checkout",
    "create-portal",
    "deliver-outbox",
    "read-account",
    "record-usage",
    "stripe-webhook",
    "verify-payment",
];

/// Functions that other flows depend on.
const NEEDED: [&str; 3] = ["record-usage", "create-checkout", "verify-payment"];

/// Folder of the benches in the repository.
const FOLDER: &str = "benches";

/// Number of invocations counted under `callgrind`, in thirds.
const COUNTED: usize = 120;

/// Number of invocations while providers hang.
const HANGS: usize = 5;

/// Number of usages that each environment records in each step of the scaling trial.
const SCALED: usize = 60;

/// The programs that are compared.
struct Compared {
    functions: BTreeMap<String, Program>,
    ours: Program,
    hello: Program,
    node: Program,
}

impl Compared {
    fn of(built: &Path, out: &Path, only: &[String]) -> Result<Self, Failure> {
        let functions = functions(built, out, only)?;
        let ours = functions.get("record-usage");
        Ok(Self {
            ours: ours.ok_or("record-usage was not built")?.clone(),
            functions,
            hello: Program::binary("hello", &built.join("hello"), out)?,
            node: Program::node(&out.join("node-bundle/dist/main.cjs"), out)?,
        })
    }
}

/// Measures everything.
pub(crate) async fn compare(
    built: &Path,
    out: &Path,
    amount: Amount,
    only: &[String],
) -> Result<Figures, Failure> {
    let compared = Compared::of(built, out, only)?;
    let mut figures = begin(&compared, amount)?;
    let world = World::start().await?;
    ask(&world, &compared, &mut figures).await?;
    count(&world, &compared, built, out, &mut figures).await?;
    eprintln!("hanging providers, and many environments");
    figures.hang = Some(trial::hang(&world, &compared.ours, HANGS).await?);
    figures.scale = trial::scale(&world, &compared.ours, SCALED).await?;
    eprintln!("starts, warm invocations, memory");
    let Compared {
        ours, hello, node, ..
    } = compared;
    let mut measured = Vec::new();
    for program in [hello, ours.clone(), node] {
        let account = format!("acct_{}", program.name);
        prime(&world, &account, &ours).await?;
        let event = usage_event(&world, &account, "warm").await?;
        measured.push((program, event));
    }
    figures.speeds = speed::measure(&world, &measured, amount).await?;
    figures.costs = figures.prices.of_usages(&figures.asked, &figures.speeds);
    let explanations = fs::read_to_string(Path::new(FOLDER).join("explanations.json"))?;
    figures.goals = goal::judge(&figures, &serde_json::from_str(&explanations)?);
    Ok(figures)
}

/// Returns the figures before anything is measured.
fn begin(compared: &Compared, amount: Amount) -> Result<Figures, Failure> {
    let functions = compared.functions.iter();
    let zips = functions.map(|(name, one)| (name.clone(), one.zip_bytes));
    let others = [&compared.hello, &compared.node];
    let others = others.map(|one| (one.name.clone(), one.zip_bytes));
    let arguments = std::env::args().skip_while(|argument| argument != "compare");
    let arguments: Vec<String> = arguments.skip(1).collect();
    let command = match arguments.join(" ") {
        none if none.is_empty() => "make bench".to_owned(),
        some => format!("make bench ARGS=\"{some}\""),
    };
    Ok(Figures {
        command,
        machine: crate::process::machine(),
        day: Clock::system().now().to_string()[..10].to_owned(),
        versions: versions(),
        amount,
        speeds: BTreeMap::new(),
        init: BTreeMap::new(),
        warm: BTreeMap::new(),
        zips: zips.collect(),
        other_zips: others.into(),
        asked: BTreeMap::new(),
        hang: None,
        scale: Vec::new(),
        prices: Prices::read(&Path::new(FOLDER).join("prices.json"))?,
        costs: BTreeMap::new(),
        goals: Vec::new(),
    })
}

/// Measures each flow's requests, if the functions that flows depend on were built.
async fn ask(world: &World, compared: &Compared, figures: &mut Figures) -> Result<(), Failure> {
    let functions = &compared.functions;
    if !NEEDED.iter().all(|name| functions.contains_key(*name)) {
        return Ok(());
    }
    eprintln!("requests of each flow");
    let mut caller = caller(world, functions).await?;
    // Measured before any purchase, because an account with many grants is a larger item.
    let asked = rounds::of_flow(world, &mut caller, &compared.node, Flow::Usage).await?;
    figures.asked = rounds::of_all(world, &mut caller, functions).await?;
    figures.asked.insert("usage in Node.js".to_owned(), asked);
    Ok(())
}

/// Counts the instructions of the bare function and of ours.
async fn count(
    world: &World,
    compared: &Compared,
    built: &Path,
    out: &Path,
    figures: &mut Figures,
) -> Result<(), Failure> {
    eprintln!("instructions");
    let account = "acct_counted";
    prime(world, account, &compared.ours).await?;
    let mut events = Vec::with_capacity(COUNTED);
    for number in 0..COUNTED {
        events.push(usage_event(world, account, &format!("counted-{number}")).await?);
    }
    for name in [&compared.hello.name, &compared.ours.name] {
        let program = Program::as_built(name, built);
        let folder = out.join("callgrind");
        let counted = callgrind::start_and_invocations(world, &program, &events, &folder).await?;
        figures.init.insert(name.clone(), counted.init.shares());
        figures.warm.insert(name.clone(), counted.warm.shares());
    }
    Ok(())
}

/// Counts the instructions of the functions, and compares them with the budget or renews it.
pub(crate) async fn budget(
    built: &Path,
    out: &Path,
    renew: bool,
) -> Result<(String, bool), Failure> {
    let programs = FUNCTIONS.map(|name| (name.to_owned(), Program::as_built(name, built)));
    let programs = BTreeMap::from(programs);
    let world = World::start().await?;
    let mut caller = caller(&world, &programs).await?;
    let file = Path::new(FOLDER).join("budget.json");
    let folder = out.join("callgrind");
    let spent = budget::count(&world, &mut caller, &programs, &folder).await?;
    if renew {
        return Ok((budget::renew(&file, &spent)?, true));
    }
    budget::check(&file, &spent)
}

/// Returns the functions as they are deployed: all, or only some.
fn functions(
    built: &Path,
    out: &Path,
    only: &[String],
) -> Result<BTreeMap<String, Program>, Failure> {
    let wanted = |name: &&&str| only.is_empty() || only.iter().any(|one| one == **name);
    let mut programs = BTreeMap::new();
    for name in FUNCTIONS.iter().filter(wanted) {
        let program = Program::binary(name, &built.join(name), out)?;
        programs.insert((*name).to_owned(), program);
    }
    Ok(programs)
}

async fn caller<'w>(
    world: &'w World,
    programs: &BTreeMap<String, Program>,
) -> Result<Caller<'w>, Failure> {
    let needed = NEEDED.map(|name| programs.get(name));
    let [Some(usage), Some(checkout), Some(verify)] = needed else {
        return Err("a function was not built".into());
    };
    Caller::new(world, "acct_bench", [usage, checkout, verify]).await
}

/// Returns the versions of the tools and runtimes.
fn versions() -> Vec<String> {
    let said = |command: &str, argument: &str| {
        let output = Command::new(command).arg(argument).output().ok();
        let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
        text.unwrap_or_default().trim().to_owned()
    };
    vec![
        said("rustc", "--version"),
        format!("Node.js {}", said("node", "--version")),
        said("valgrind", "--version"),
    ]
}
