//! `make dev`: the stack and the functions under `cargo lambda watch`. Then a first usage and a first payment.
//!
//! Everything stops together: on Ctrl-C, on an error, or with `--once` after the first payment. With `--fakes` only the
//! fakes run, and the variables that lead to them are printed, one a line.

mod flow;
mod invitation;
mod operator;
mod options;
mod origins;
mod payment;
mod subscription;
mod usage;
mod watch;

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

pub use options::Options;

use crate::gateway::{self, Functions, Gateway};
use crate::http::{Listener, Server};
use crate::stack::{self, Fakes, Stack};
use crate::template::{self, Template};
use crate::token::Keys;
use flow::Flow;
use watch::Watch;

/// Limit for the functions to come up; they are already built.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// Interval between checks of the functions.
const READY_PACE: Duration = Duration::from_millis(200);

/// An error that stops the stack.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment or the arguments are invalid.
    #[error(transparent)]
    Options(#[from] options::Error),
    /// The template cannot be read.
    #[error("the template cannot be used")]
    Template(#[from] template::Error),
    /// DynamoDB or a fake does not start.
    #[error("the stack does not start")]
    Stack(#[from] stack::Error),
    /// The gateway does not start.
    #[error("the gateway does not start")]
    Gateway(#[from] gateway::Error),
    /// `cargo lambda watch` does not start or has ended.
    #[error(transparent)]
    Watch(#[from] watch::Error),
    /// Some functions did not respond in time.
    #[error("no response from {} in {} s; see their output above", .0.join(", "), READY_LIMIT.as_secs())]
    NotReady(Vec<String>),
    /// A system error at a file or a signal handler.
    #[error("cannot {0}")]
    System(&'static str, #[source] std::io::Error),
    /// The operator's command failed to set up Stripe.
    #[error("failed to set up Stripe")]
    SetUp(#[from] operator::Error),
    /// A step of the first usage or payment failed.
    #[error("the first usage and payment failed")]
    Flow(#[from] flow::Error),
    /// A signal came before the demonstration was over, with `--once`.
    #[error("interrupted")]
    Interrupted,
}

/// The running stack.
struct Running {
    stack: Stack,
    gateway: Gateway,
    /// The server through which programs invoke the functions.
    invocations: Server,
    watch: Watch,
    environment: BTreeMap<String, String>,
}

/// Runs until a signal or an error; with `once`, until the demonstration is over.
pub async fn run(options: Options) -> ExitCode {
    match serve(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Writes an error and its causes to standard error, each on a line.
#[expect(clippy::print_stderr, reason = "the one reader is at the terminal")]
pub fn report(error: &dyn std::error::Error) {
    eprintln!("sparks-local: {error}");
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    for cause in causes {
        eprintln!("  because: {cause}");
    }
}

/// Writes to standard output.
#[expect(clippy::print_stdout, reason = "the one reader is at the terminal")]
fn say(text: impl fmt::Display) {
    println!("{text}");
}

async fn serve(options: &Options) -> Result<(), Error> {
    let mut stop = Stop::listen()?;
    if options.fakes_only {
        let fakes = Fakes::start(options.stack.clone()).await?;
        for (name, value) in fakes.environment() {
            say(format_args!("{name}={value}"));
        }
        stop.asked().await;
        fakes.stop().await;
        return Ok(());
    }
    let mut running = Running::start(options).await?;
    let outcome = tokio::select! {
        outcome = running.demonstrate(options) => outcome,
        () = stop.asked() => if options.once { Err(Error::Interrupted) } else { Ok(()) },
    };
    running.stop().await;
    outcome
}

impl Running {
    async fn start(options: &Options) -> Result<Self, Error> {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("this crate is a folder of the project");
        let stack = Stack::start(options.stack.clone()).await?;
        let mut environment = stack.environment();
        environment.extend(options.real_services.clone());
        let functions = options::random_address()?;
        let listener = listen(options.gateway).await?;
        let invocations = listen(options.functions).await?;
        let mut origins = vec![listener.url()];
        origins.extend(options.origins.clone());
        let template = Template::on_this_machine(&origins)?;
        environment.insert("ALLOWED_ORIGINS".to_owned(), origins.join(","));
        let made = set_up_stripe(&stack, &listener.url(), &environment, options).await?;
        environment.extend(made);
        let gateway = Gateway::serve(
            listener,
            template,
            Functions::watched(format!("http://{functions}")),
            Keys::generate(),
        )?;
        let invocations = gateway.serve_invocations(invocations);
        write_environment(project, &environment, options)?;
        let watch = Watch::start(project, functions, &environment)?;
        Ok(Self {
            stack,
            gateway,
            invocations,
            watch,
            environment,
        })
    }

    /// Waits for the functions, demonstrates a usage and a payment, and then keeps everything up.
    async fn demonstrate(&mut self, options: &Options) -> Result<(), Error> {
        say(format_args!(
            "waiting for the functions at {}",
            self.invocations.address()
        ));
        tokio::select! {
            ready = ready(&self.gateway) => ready?,
            ended = self.watch.ended() => return Err(ended.into()),
        }
        let flow = Flow {
            gateway: &self.gateway,
            environment: &self.environment,
            environment_file: &options.environment_file,
            fakes: options.fakes(),
        };
        match play(&flow).await {
            Ok(()) if options.once => return Ok(()),
            Err(error) if options.once => return Err(error.into()),
            Ok(()) => {}
            // Keep running after a failure: the running stack helps to find the cause.
            Err(error) => report(&Error::Flow(error)),
        }
        say(invitation::text(&flow));
        tokio::select! {
            ended = self.watch.ended() => Err(ended.into()),
            () = keep_schedules(&self.gateway) => Ok(()),
        }
    }

    /// Stops the functions first, so that nothing they call disappears before them.
    async fn stop(self) {
        self.watch.stop().await;
        self.invocations.stop().await;
        self.gateway.stop().await;
        self.stack.stop().await;
    }
}

/// Plays the first usage, the first payment, and a plan.
async fn play(flow: &Flow<'_>) -> Result<(), flow::Error> {
    let left = usage::run(flow).await?;
    payment::run(flow, left).await?;
    // The real Stripe needs a person to pay first.
    if flow.fakes.stripe {
        subscription::run(flow).await?;
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<Listener, Error> {
    let listener = Listener::bind(address).await;
    Ok(listener.map_err(gateway::Error::from)?)
}

/// Creates the objects that the functions need at Stripe; returns the variables that name them.
async fn set_up_stripe(
    stack: &Stack,
    api: &str,
    environment: &BTreeMap<String, String>,
    options: &Options,
) -> Result<BTreeMap<String, String>, Error> {
    let webhooks = format!("{api}/v1/webhooks/stripe");
    let fake = options.fakes().stripe;
    // The real Stripe reaches this machine only through `stripe listen`, which has its own secret.
    let webhooks = fake.then_some(webhooks.as_str());
    let made = operator::set_up_stripe(environment, webhooks).await?;
    let kept = made.webhooks.iter();
    let kept: Vec<String> = kept
        .filter_map(|sender| stack.stripe.webhook_secret(sender))
        .collect();
    let kept = Some(kept.join(",")).filter(|kept| !kept.is_empty());
    let secrets = environment.get("STRIPE_WEBHOOK_SECRETS").cloned();
    // Without a known secret, use a random one: the function starts, and refuses every webhook.
    let secrets = secrets.or(kept).unwrap_or_else(operator::unknown_secret);
    Ok(BTreeMap::from([
        ("STRIPE_PRICE_IDS".to_owned(), made.price_ids),
        (
            "STRIPE_PORTAL_CONFIGURATION".to_owned(),
            made.portal_configuration,
        ),
        ("STRIPE_WEBHOOK_SECRETS".to_owned(), secrets),
    ]))
}

/// Writes the environment file with which the operator's command reaches this stack.
fn write_environment(
    project: &Path,
    environment: &BTreeMap<String, String>,
    options: &Options,
) -> Result<(), Error> {
    let file = &options.environment_file;
    let mut text = format!(
        "# Made by `make dev`: `. {}` reaches the running stack.\n",
        file.display()
    );
    for (name, value) in environment {
        // The keys of real services are not written to the file.
        if !options.real_services.contains_key(name) {
            let _ = writeln!(text, "export {name}='{value}'");
        }
    }
    let file = project.join(file);
    let folder = file.parent().unwrap_or(project);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, text))
        .map_err(|error| Error::System("write the operator's environment", error))
}

/// Runs scheduled functions at the template's rates.
async fn keep_schedules(gateway: &Gateway) {
    let schedules = gateway
        .schedules()
        .into_iter()
        .map(|(function, every)| async move {
            loop {
                tokio::time::sleep(every).await;
                if gateway.run(&function).await.is_none() {
                    say(format_args!("{function} failed; its log is above"));
                }
            }
        });
    futures_util::future::join_all(schedules).await;
}

/// Waits until every function has responded once.
async fn ready(gateway: &Gateway) -> Result<(), Error> {
    let waited = tokio::time::Instant::now();
    loop {
        let missing = gateway.missing().await;
        if missing.is_empty() {
            return Ok(());
        }
        if waited.elapsed() > READY_LIMIT {
            return Err(Error::NotReady(missing));
        }
        tokio::time::sleep(READY_PACE).await;
    }
}

/// The signals that end a program: Ctrl-C, `kill`, and a terminal that closes.
struct Stop([Signal; 3]);

impl Stop {
    fn listen() -> Result<Self, Error> {
        let listen =
            |kind| signal(kind).map_err(|error| Error::System("listen for signals", error));
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
