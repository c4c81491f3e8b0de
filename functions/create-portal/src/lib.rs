//! `POST /v1/portal` opens Stripe's customer portal; `GET /v1/subscription` reads an account's subscription.

use std::convert::Infallible;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use shared::edge::problem::{self, Problem};
use shared::edge::request::{self, AccountQuery, MAX_BODY};
use shared::ledger::Ledger;
use shared::payments::customers::Customers;
use shared::payments::desk::Desk;
use shared::payments::portal::{self, Entrance, PortalBody};
use shared::payments::subscription;
use shared::pricing::catalog::Terms;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::patience::{ANSWER_RESERVE, Patience};
use shared::process::telemetry::{self, Origin};
use shared::process::transport::Transport;
use shared::providers::stripe::Stripe;
use shared::words::identity::Caller;
use shared::words::return_url::AllowedOrigins;

/// The clients and settings of this function.
#[derive(Debug)]
pub struct App {
    ledger: Ledger,
    stripe: Stripe,
    customers: Customers,
    terms: Terms,
    allowed_origins: AllowedOrigins,
    configuration: Option<String>,
    account_claim: String,
    origin: Origin,
    problems_url: Option<String>,
    clock: Clock,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(
        environment: Environment<'_>,
        transport: &Transport,
        clock: Clock,
    ) -> Result<Self, config::Error> {
        Ok(Self {
            ledger: Ledger::new(&environment.aws()?, &environment.table()?, transport),
            stripe: Stripe::new(&environment.required_stripe()?, transport, &clock),
            customers: Customers::default(),
            terms: environment.plan_terms()?,
            allowed_origins: environment.allowed_origins()?,
            configuration: environment.stripe_portal_configuration()?,
            account_claim: environment.account_claim(),
            origin: Origin::new("create-portal", &environment.stage()?, &clock),
            problems_url: environment.problems_url()?,
            clock,
        })
    }
}

impl App {
    fn desk(&self) -> Desk<'_> {
        Desk {
            ledger: &self.ledger,
            stripe: &self.stripe,
            terms: &self.terms,
        }
    }
}

/// Handles a request; every failure becomes a problem in the response.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let answer = async {
        match request::route(&request) {
            "POST /v1/portal" => Box::pin(open(app, &request)).await,
            "GET /v1/subscription" => Box::pin(read(app, &request)).await,
            _ => Err(Problem::not_found()),
        }
    };
    let page = app.problems_url.as_deref();
    Ok(Box::pin(problem::answer(&app.origin, page, &request, answer)).await)
}

async fn open(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let account = Caller::of(request, &app.account_claim)?.own_account()?;
    telemetry::account(&account);
    let body: PortalBody = request::body(request, MAX_BODY)?;

    let now = app.clock.now();
    let patience = Patience::new(&app.clock, now, request::deadline(request), ANSWER_RESERVE);
    let entrance = Entrance {
        desk: app.desk(),
        customers: &app.customers,
        allowed_origins: &app.allowed_origins,
        configuration: app.configuration.as_deref(),
    };
    let page = portal::create(entrance, &account, &body, now, &patience).await?;
    Ok(request::answer(StatusCode::CREATED, &page))
}

async fn read(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    let query: AccountQuery = request::query(request)?;
    let subject = caller.subject(query.account_id)?;
    telemetry::account(&subject.account);

    let now = app.clock.now();
    let patience = Patience::new(&app.clock, now, request::deadline(request), ANSWER_RESERVE);
    let standing = subscription::read(app.desk(), &subject, now, &patience);
    Ok(request::answer(StatusCode::OK, &Box::pin(standing).await?))
}
