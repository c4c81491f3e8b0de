//! `POST /v1/checkout`: opens a Checkout Session at Stripe for an item of the catalogue.

use std::convert::Infallible;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use shared::edge::problem::{self, Problem};
use shared::edge::request::{self, MAX_BODY};
use shared::ledger::Ledger;
use shared::payments::checkout::{self, CheckoutBody, Shop, Till};
use shared::payments::customers::Customers;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::patience::{ANSWER_RESERVE, Patience};
use shared::process::telemetry::{self, Origin};
use shared::process::transport::Transport;
use shared::providers::stripe::Stripe;
use shared::words::identity::Caller;

/// The clients and settings of this function.
#[derive(Debug)]
pub struct App {
    ledger: Ledger,
    stripe: Stripe,
    customers: Customers,
    shop: Shop,
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
            shop: Shop {
                terms: environment.plan_terms()?,
                allowed_origins: environment.allowed_origins()?,
                promotion_codes: environment.promotion_codes()?,
                automatic_tax: environment.automatic_tax()?,
            },
            account_claim: environment.account_claim(),
            origin: Origin::new("create-checkout", &environment.stage()?, &clock),
            problems_url: environment.problems_url()?,
            clock,
        })
    }
}

/// Handles a request; every failure becomes a problem in the response.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let answer = async {
        match request::route(&request) {
            "POST /v1/checkout" => Box::pin(create(app, &request)).await,
            _ => Err(Problem::not_found()),
        }
    };
    let page = app.problems_url.as_deref();
    Ok(Box::pin(problem::answer(&app.origin, page, &request, answer)).await)
}

async fn create(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let account = Caller::of(request, &app.account_claim)?.own_account()?;
    telemetry::account(&account);
    let key = request::idempotency_key(request.headers())?;
    let body: CheckoutBody = request::body(request, MAX_BODY)?;

    let now = app.clock.now();
    let patience = Patience::new(&app.clock, now, request::deadline(request), ANSWER_RESERVE);
    let till = Till {
        ledger: &app.ledger,
        stripe: &app.stripe,
        customers: &app.customers,
        shop: &app.shop,
    };
    let created = checkout::create(till, &account, &key, &body, now, &patience);
    let page = Box::pin(created).await?;

    let mut answer = request::answer(StatusCode::CREATED, &page);
    if page.replayed {
        request::mark_replayed(&mut answer);
    }
    Ok(answer)
}
