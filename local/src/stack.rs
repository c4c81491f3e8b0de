//! A whole stack on this machine, and the environment variables that lead to it.
//!
//! ```no_run
//! # use local::stack::{Options, Stack};
//! # async fn example() -> Result<(), local::stack::Error> {
//! let stack = Stack::start(Options::default()).await?;
//! assert_eq!(stack.environment()["TABLE_NAME"], "sparks-local");
//! # Ok(())
//! # }
//! ```

mod parameter_store;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;
use crate::dynamodb::{self, Access, Dynamodb, Refusal, Tables};
use crate::http::{self, FREE_PORT};
use crate::langfuse::{FakeLangfuse, Langfuse};
use crate::stripe::{FakeStripe, Stripe};
use crate::template::{self, Template};
pub use parameter_store::ParameterStore;

/// The table's name.
pub const TABLE: &str = "sparks-local";

/// An error that keeps a stack from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template cannot be read.
    #[error("the template cannot be used")]
    Template(#[from] template::Error),
    /// The tables of the folder cannot be opened.
    #[error("the tables kept in the folder cannot be opened")]
    Dynamodb(#[from] dynamodb::Error),
    /// DynamoDB refuses the template's table.
    #[error("DynamoDB refuses the table of the template")]
    Table(#[from] Refusal),
    /// The folder's stored state cannot be read.
    #[error("the state kept in the folder cannot be read")]
    Directory(#[source] std::io::Error),
    /// A fake does not start.
    #[error("the fake {0} does not start")]
    Fake(&'static str, #[source] http::Error),
}

/// Addresses and settings of a stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// DynamoDB's address.
    pub dynamodb: SocketAddr,
    /// The fake Stripe's address.
    pub stripe: SocketAddr,
    /// The fake Langfuse's address.
    pub langfuse: SocketAddr,
    /// The folder for stored state; in memory when absent.
    pub directory: Option<PathBuf>,
    /// The clock of DynamoDB and the fakes.
    pub clock: Clock,
    /// Extra latency of each response of the fake Stripe.
    pub stripe_latency: Duration,
    /// Delay until the fake Stripe's meter summaries include an event.
    pub stripe_summary_delay: Duration,
    /// Delay until the fake Langfuse shows a span it has taken.
    pub langfuse_ingestion_delay: Duration,
}

impl Default for Options {
    /// Free ports, state in memory, the machine's time, and no delays.
    fn default() -> Self {
        Self {
            dynamodb: FREE_PORT,
            stripe: FREE_PORT,
            langfuse: FREE_PORT,
            directory: None,
            clock: Clock::system(),
            stripe_latency: Duration::ZERO,
            stripe_summary_delay: Duration::ZERO,
            langfuse_ingestion_delay: Duration::ZERO,
        }
    }
}

/// The fakes without the rest of the stack, for deployed functions; they stop when dropped.
pub struct Fakes {
    /// The fake Stripe.
    pub stripe: FakeStripe,
    /// The fake Langfuse.
    pub langfuse: FakeLangfuse,
}

impl Fakes {
    /// Starts both fakes; they accept requests once it returns.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let (stripe, langfuse) = match &options.directory {
            Some(directory) => (
                Stripe::open(directory, options.clock.clone()).map_err(Error::Directory)?,
                Langfuse::open(directory, options.clock).map_err(Error::Directory)?,
            ),
            None => (
                Stripe::new(options.clock.clone()),
                Langfuse::new(options.clock),
            ),
        };
        let stripe = stripe
            .with_latency(options.stripe_latency)
            .with_summary_delay(options.stripe_summary_delay);
        let langfuse = langfuse.with_ingestion_delay(options.langfuse_ingestion_delay);
        let stripe = FakeStripe::serve(options.stripe, stripe).await;
        let langfuse = FakeLangfuse::serve(options.langfuse, langfuse).await;
        Ok(Self {
            stripe: stripe.map_err(|error| Error::Fake("Stripe", error))?,
            langfuse: langfuse.map_err(|error| Error::Fake("Langfuse", error))?,
        })
    }

    /// Returns the variables with which functions and the operator's command reach the fakes.
    pub fn environment(&self) -> BTreeMap<String, String> {
        reaching(&self.stripe, &self.langfuse)
    }

    /// Stops both fakes, and returns when their ports are free.
    pub async fn stop(self) {
        self.stripe.stop().await;
        self.langfuse.stop().await;
    }
}

fn reaching(stripe: &FakeStripe, langfuse: &FakeLangfuse) -> BTreeMap<String, String> {
    let variables = [
        ("STRIPE_API_BASE", stripe.url()),
        ("STRIPE_SECRET_KEY", "sk_test_local".to_owned()),
        ("LANGFUSE_HOST", langfuse.url()),
        ("LANGFUSE_PUBLIC_KEY", "pk-lf-local".to_owned()),
        ("LANGFUSE_SECRET_KEY", "sk-lf-local".to_owned()),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// A running stack; it stops when dropped.
pub struct Stack {
    /// The database, with the template's table.
    pub dynamodb: Dynamodb,
    /// The fake Stripe.
    pub stripe: FakeStripe,
    /// The fake Langfuse.
    pub langfuse: FakeLangfuse,
    /// The Parameter Store, empty at first.
    pub parameters: ParameterStore,
}

impl Stack {
    /// Starts everything; all servers accept requests once it returns.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let template = Template::of_the_project(&Template::local_parameters())?;
        let policies = template.functions.iter();
        let policies = policies.map(|(name, function)| (name.clone(), function.statements.clone()));
        let access = Access::new(policies.collect());
        let clock = options.clock.clone();
        let tables = match &options.directory {
            Some(directory) => Tables::open(directory, access, clock)?,
            None => Tables::new(access, clock),
        };
        tables.create_table(&template.table_definition(TABLE))?;
        let dynamodb = Dynamodb::serve(options.dynamodb, tables).await;
        let dynamodb = dynamodb.map_err(|error| Error::Fake("DynamoDB", error))?;
        let Fakes { stripe, langfuse } = Fakes::start(options).await?;
        let parameters = ParameterStore::start(FREE_PORT).await;
        Ok(Self {
            dynamodb,
            stripe,
            langfuse,
            parameters: parameters.map_err(|error| Error::Fake("Systems Manager", error))?,
        })
    }

    /// Returns the variables with which functions and the operator's command reach this stack.
    ///
    /// The ids of the objects that `sparks stripe-setup` creates at Stripe are not included.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let variables = [
            ("TABLE_NAME", TABLE.to_owned()),
            ("ITEM_VERSION", "3".to_owned()),
            ("STAGE", "local".to_owned()),
            ("ACCOUNT_CLAIM", "sub".to_owned()),
            ("PROBLEMS_URL", String::new()),
            ("SHOW_PROVIDER_COST", "false".to_owned()),
            ("ALLOWED_ORIGINS", "http://127.0.0.1:8787".to_owned()),
            ("PLAN_GRACE_HOURS", "24".to_owned()),
            ("CHECKOUT_PROMOTION_CODES", "true".to_owned()),
            ("CHECKOUT_AUTOMATIC_TAX", "false".to_owned()),
            ("DELIVERY_BUDGET_MS", "3000".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb.url()),
            ("AWS_ENDPOINT_URL_SSM", self.parameters.url()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("RUST_LOG", "info".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let mut environment = reaching(&self.stripe, &self.langfuse);
        environment.extend(variables);
        environment
    }

    /// Stops everything, and returns when all ports are free.
    pub async fn stop(self) {
        self.dynamodb.stop().await;
        self.stripe.stop().await;
        self.langfuse.stop().await;
        self.parameters.stop().await;
    }
}
