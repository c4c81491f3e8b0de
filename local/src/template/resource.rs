//! The resources of a resolved template that the local stack acts on.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::policy::{self, Statement};
use super::{Authorizer, Cors, Error};

/// The default timeout of a function.
const DEFAULT_TIMEOUT_S: u64 = 3;

/// The settings of the HTTP API that apply to each route.
pub(super) struct Api {
    /// Its name, which each event must reference.
    pub(super) name: String,
    /// The authorizer of a route that names none.
    pub(super) default_authorizer: Option<String>,
    /// The authorizers, by name.
    pub(super) authorizers: BTreeMap<String, Authorizer>,
    /// The CORS configuration.
    pub(super) cors: Option<Cors>,
    /// Requests a second of each route with its own limit, such as `POST /v1/checkout`.
    pub(super) throttles: BTreeMap<String, u32>,
}

/// A function with its triggers.
pub(super) struct Found {
    /// Its handler, which is its binary's name.
    pub(super) name: String,
    pub(super) timeout_s: u64,
    pub(super) variables: Map<String, Value>,
    pub(super) events: Vec<HttpEvent>,
    /// The interval at which it runs by itself, in seconds.
    pub(super) every: Option<u64>,
    pub(super) statements: Vec<Statement>,
}

/// A route as declared in a function's event.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct HttpEvent {
    pub(super) api_id: String,
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) auth: EventAuth,
}

/// The authorizer of a route: a name, or `NONE`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EventAuth {
    pub(super) authorizer: Option<String>,
}

/// The properties of the table that determine reads and writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Table {
    pub(super) attribute_definitions: Value,
    pub(super) key_schema: Value,
    #[serde(default)]
    pub(super) global_secondary_indexes: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ApiProperties {
    #[serde(default)]
    auth: ApiAuth,
    cors_configuration: Option<Cors>,
    #[serde(default)]
    route_settings: BTreeMap<String, RouteSettings>,
    /// The limit of all callers together, which does not matter on one machine.
    #[serde(rename = "DefaultRouteSettings")]
    _default_route_settings: Option<Value>,
    #[serde(rename = "AccessLogSettings")]
    _access_log_settings: Option<Value>,
}

/// The throttles of one route. Parameters are texts, whatever their type.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RouteSettings {
    throttling_rate_limit: String,
    #[serde(rename = "ThrottlingBurstLimit")]
    _throttling_burst_limit: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ApiAuth {
    default_authorizer: Option<String>,
    #[serde(default)]
    authorizers: BTreeMap<String, JwtAuthorizer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct JwtAuthorizer {
    identity_source: String,
    jwt_configuration: JwtConfiguration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtConfiguration {
    issuer: String,
    audience: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionProperties {
    handler: String,
    timeout: Option<u64>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    events: BTreeMap<String, Event>,
    #[serde(default)]
    policies: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Environment {
    #[serde(default)]
    variables: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    HttpApi(HttpEvent),
    Schedule(ScheduleEvent),
}

/// A schedule.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScheduleEvent {
    schedule: String,
    #[serde(rename = "DeadLetterConfig")]
    _dead_letter_config: Option<Value>,
}

/// Defaults of all functions.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionGlobals {
    timeout: Option<u64>,
    #[serde(default)]
    environment: Environment,
}

/// Returns the one HTTP API.
pub(super) fn api(document: &Value) -> Result<Api, Error> {
    const KIND: &str = "AWS::Serverless::HttpApi";
    let (name, properties) = one::<ApiProperties>(document, KIND)?;
    let authorizers = properties.auth.authorizers.into_iter().map(|(name, jwt)| {
        let source = jwt.identity_source;
        let header = source
            .strip_prefix("$request.header.")
            .ok_or_else(|| Error::Intrinsic(source.clone()))?
            .to_ascii_lowercase();
        let JwtConfiguration { issuer, audience } = jwt.jwt_configuration;
        Ok((
            name,
            Authorizer {
                header,
                issuer,
                audience,
            },
        ))
    });
    let throttles = properties
        .route_settings
        .into_iter()
        .map(|(key, settings)| {
            let limit = settings.throttling_rate_limit.parse();
            let limit = limit.map_err(|_| Error::Route(key.clone()))?;
            Ok((key, limit))
        });
    Ok(Api {
        name,
        default_authorizer: properties.auth.default_authorizer,
        authorizers: authorizers.collect::<Result<_, Error>>()?,
        cors: properties.cors_configuration,
        throttles: throttles.collect::<Result<_, Error>>()?,
    })
}

/// Returns the one table.
pub(super) fn table(document: &Value) -> Result<Table, Error> {
    one(document, "AWS::DynamoDB::Table").map(|(_, table)| table)
}

/// Returns every function, with the globals applied.
pub(super) fn functions(document: &Value) -> Result<Vec<Found>, Error> {
    let globals = match &document["Globals"]["Function"] {
        Value::Null => FunctionGlobals::default(),
        globals => understood("Globals", globals)?,
    };
    let all = of_kind::<FunctionProperties>(document, "AWS::Serverless::Function")?;
    let functions = all.into_iter().map(|(name, function)| {
        let mut events = Vec::new();
        let mut every = None;
        for event in function.events.into_values() {
            match event {
                Event::HttpApi(event) => events.push(event),
                Event::Schedule(event) => every = Some(period(&name, &event.schedule)?),
            }
        }
        let mut variables = globals.environment.variables.clone();
        variables.extend(function.environment.variables);
        let mut statements = Vec::new();
        for policy in function.policies {
            let read = policy::read(policy);
            let policy = read.map_err(|source| Error::Resource {
                resource: name.clone(),
                source,
            })?;
            statements.extend(policy.statements());
        }
        Ok(Found {
            name: function.handler,
            timeout_s: function
                .timeout
                .or(globals.timeout)
                .unwrap_or(DEFAULT_TIMEOUT_S),
            variables,
            events,
            every,
            statements,
        })
    });
    functions.collect()
}

/// Returns the interval of a rate, in seconds.
fn period(function: &str, schedule: &str) -> Result<u64, Error> {
    let minutes = match schedule {
        "rate(1 minute)" => Some(1),
        _ => schedule
            .strip_prefix("rate(")
            .and_then(|rest| rest.strip_suffix(" minutes)"))
            .and_then(|minutes| minutes.parse().ok()),
    };
    let minutes: Option<u64> = minutes.filter(|minutes| (1..=1_440).contains(minutes));
    minutes
        .map(|minutes| minutes * 60)
        .ok_or_else(|| Error::Schedule(format!("{schedule}` of `{function}")))
}

fn one<T: DeserializeOwned>(document: &Value, kind: &'static str) -> Result<(String, T), Error> {
    let mut all = of_kind(document, kind)?;
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(Error::NotOne(kind)),
    }
}

fn of_kind<T: DeserializeOwned>(document: &Value, kind: &str) -> Result<Vec<(String, T)>, Error> {
    let resources = document["Resources"].as_object().into_iter().flatten();
    resources
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| Ok((name.clone(), understood(name, &resource["Properties"])?)))
        .collect()
}

fn understood<T: DeserializeOwned>(name: &str, properties: &Value) -> Result<T, Error> {
    T::deserialize(properties).map_err(|source| Error::Resource {
        resource: name.to_owned(),
        source,
    })
}
