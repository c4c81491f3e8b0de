//! Cold start, telemetry, problems and deadlines, written once for all functions.

use std::convert::Infallible;
use std::time::Duration;

use lambda_http::{Body, Request, Response};

use super::problem::Problem;
use super::request;
use crate::process::clock::Clock;
use crate::process::config::Environment;
use crate::process::deadline::{ANSWER_RESERVE, Deadline};
use crate::process::telemetry::{self, Call, Function};
use crate::process::transport::Transport;
use crate::process::{Setup, config, random};
use crate::providers::parameters::Parameters;
use crate::usage::ProviderCost;
use crate::words::id::AccountId;
use crate::words::identity::{self, Caller, Subject};

/// The answer of a route.
pub type Answer = Result<Response<Body>, Problem>;

/// The answer of a function: every failure is in its response.
pub type Served = Result<Response<Body>, Infallible>;

/// Makes a function's app at its cold start: logs, configuration with its secrets, clients.
pub async fn start<A>(
    new: impl FnOnce(Setup<'_>) -> Result<A, config::Error>,
) -> Result<A, lambda_http::Error> {
    random::seed();
    let environment = Environment::process();
    telemetry::init(environment)?;
    let transport = Transport::network();
    let clock = Clock::system();
    let parameters = Parameters::read(environment, &transport, &clock).await?;
    Ok(new(Setup {
        environment: parameters.environment(),
        transport: &transport,
        clock: &clock,
    })?)
}

/// The HTTP edge of one function.
#[derive(Debug)]
pub struct Edge {
    function: Function,
    problems_url: Option<String>,
    /// The claim that names the account; None if only Stripe calls.
    account_claim: Option<String>,
    accounts_see_cost: bool,
    clock: Clock,
}

impl Edge {
    /// The edge of a function that accounts and services call.
    pub fn new(name: &'static str, setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            account_claim: Some(setup.environment.account_claim()),
            ..Self::for_stripe(name, setup)?
        })
    }

    /// The same, of a function whose answers may show the provider's cost.
    pub fn with_cost(name: &'static str, setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            accounts_see_cost: setup.environment.show_provider_cost()?,
            ..Self::new(name, setup)?
        })
    }

    /// The edge of a function that only Stripe calls.
    pub fn for_stripe(name: &'static str, setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            function: Function::new(name, &setup.environment.stage()?, setup.clock),
            problems_url: setup.environment.problems_url()?,
            account_claim: None,
            accounts_see_cost: false,
            clock: setup.clock.clone(),
        })
    }

    /// Awaits the answer of the request's route. A failure becomes a problem; the invocation logs one line.
    pub fn serve<'a>(
        &'a self,
        request: &'a Request,
        answer: impl AsyncFnOnce(&'a str) -> Answer,
    ) -> impl Future<Output = Served> {
        // Boxed at once: in an async function, it would take its size twice.
        let answer = Box::pin(self.answer(request, answer(request::route(request))));
        async { Ok(answer.await) }
    }

    /// Waits for an answer as one invocation. Its logs carry the request's id, as a problem does.
    async fn answer(
        &self,
        request: &Request,
        answer: impl Future<Output = Answer>,
    ) -> Response<Body> {
        let id = request::id(request);
        let call = Call {
            request_id: id.clone(),
            route_key: Some(request::route(request).to_owned()),
            trace: request::trace_context(request),
        };
        let answer = async {
            match answer.await {
                Ok(response) => {
                    let replayed = request::is_replayed(&response);
                    telemetry::answered(response.status(), None, replayed);
                    response
                }
                Err(problem) => {
                    problem.count();
                    telemetry::answered(problem.status(), Some(problem.code()), false);
                    problem.respond(&id, self.problems_url())
                }
            }
        };
        telemetry::invocation(&self.function, call, answer).await
    }

    /// The page that describes the problems of this deployment.
    pub fn problems_url(&self) -> Option<&str> {
        self.problems_url.as_deref()
    }

    /// The verified caller of a request.
    pub fn caller(&self, request: &Request) -> Result<Caller, Problem> {
        let unauthenticated = identity::Error::Unauthenticated;
        let (Some(claim), Some(claims)) = (self.account_claim.as_deref(), request::claims(request))
        else {
            return Err(unauthenticated.into());
        };
        Ok(Caller::of(claims, claim)?)
    }

    /// Returns whether answers to this caller show the provider's cost.
    pub fn cost(&self, caller: &Caller) -> ProviderCost {
        ProviderCost::seen_by(caller, self.accounts_see_cost)
    }

    /// The account of a caller that must act for itself.
    pub fn own_account(&self, request: &Request) -> Result<AccountId, Problem> {
        let account = self.caller(request)?.own_account()?;
        telemetry::account(&account);
        Ok(account)
    }

    /// The deadline of a request that arrives now.
    pub fn deadline(&self, request: &Request) -> Deadline {
        self.deadline_before(request, Duration::ZERO)
    }

    /// The same, with time kept back for what follows the ledger's work.
    pub fn deadline_before(&self, request: &Request, kept_back: Duration) -> Deadline {
        let (now, deadline) = (self.clock.now(), request::deadline(request));
        Deadline::new(&self.clock, now, deadline, kept_back + ANSWER_RESERVE)
    }
}

/// The account that a request is about. It is the caller's own, or the one that a service names.
pub fn subject(caller: Caller, named: Option<AccountId>) -> Result<Subject, Problem> {
    let subject = caller.subject(named)?;
    telemetry::account(&subject.account);
    Ok(subject)
}
