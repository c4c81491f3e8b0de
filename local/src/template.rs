//! Reads `template.yaml`: the API's routes, their authorizers, and the table.
//!
//! The local stack serves what is deployed: a route, an origin or an index that is not in the template does not exist
//! here. Anything in the template that is not supported here is an error, never ignored.
//!
//! ```
//! # use local::template::Template;
//! let template = Template::of_the_project(&Template::local_parameters())?;
//! let (route, _) = template.route("POST", "/v1/usage").expect("the template has it");
//! assert_eq!(route.function, "record-usage");
//! # Ok::<(), local::template::Error>(())
//! ```

mod intrinsic;
mod policy;
mod resource;
mod route;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

pub use policy::Statement;
pub use route::Route;

/// The repository's template.
const PROJECT: &str = include_str!("../../template.yaml");

/// An error in a template.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not YAML.
    #[error("the template is not YAML")]
    Yaml(#[source] serde_yaml_ng::Error),
    /// A tag such as `!Select` that is not supported.
    #[error("`{0}` is not supported")]
    Intrinsic(String),
    /// A parameter has neither a value nor a default.
    #[error("parameter `{0}` has no value")]
    Missing(String),
    /// A value was given for a parameter that the template does not declare.
    #[error("parameter `{0}` is not declared")]
    Undeclared(String),
    /// A `!Ref` or `!Sub` names nothing.
    #[error("`{0}` is neither a parameter nor a resource")]
    Unresolved(String),
    /// A resource has properties that are not supported.
    #[error("resource `{resource}` is not supported")]
    Resource {
        /// Its name in the template.
        resource: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// Not exactly one HTTP API, or not exactly one table.
    #[error("the template needs exactly one `{0}`")]
    NotOne(&'static str),
    /// A schedule is not a rate in minutes.
    #[error("the schedule `{0}` is not supported")]
    Schedule(String),
    /// A route has an unknown API or authorizer, or an unsupported pattern.
    #[error("route `{0}` is not supported")]
    Route(String),
}

/// The parts of the template that the local stack acts on.
#[derive(Debug)]
pub struct Template {
    /// The functions, by name.
    pub functions: BTreeMap<String, Function>,
    /// The API's routes, in the template's order.
    pub routes: Vec<Route>,
    /// The rate limits of routes with their own, in requests per second, by [`Route::key`].
    pub throttles: BTreeMap<String, u32>,
    /// The origins that may call it from a browser; none if absent.
    pub cors: Option<Cors>,
    table: resource::Table,
}

/// One Lambda function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The limit of an invocation.
    pub timeout: Duration,
    /// The names of the environment variables it gets.
    pub variables: BTreeSet<String>,
    /// The interval at which it runs by itself.
    pub every: Option<Duration>,
    /// Its permissions at AWS.
    pub statements: Vec<Statement>,
}

/// The tokens that a route accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// The header that carries the token, in lower case.
    pub header: String,
    /// The issuer that must have signed it.
    pub issuer: String,
    /// The accepted audiences.
    pub audience: Vec<String>,
}

/// The CORS configuration for browsers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Cors {
    /// Origins, each exact, or `*`.
    pub allow_origins: Vec<String>,
    /// Methods they may use.
    pub allow_methods: Vec<String>,
    /// Request headers they may send.
    pub allow_headers: Vec<String>,
    /// Response headers they may read.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// Seconds for which a browser may cache this.
    #[serde(default)]
    pub max_age: Option<u32>,
}

impl Template {
    /// Reads a template with values for its parameters, which override their defaults.
    pub fn parse(text: &str, parameters: &BTreeMap<String, String>) -> Result<Self, Error> {
        let document = intrinsic::resolve(text, parameters)?;
        let api = resource::api(&document)?;
        let table = resource::table(&document)?;
        let mut functions = BTreeMap::new();
        let mut routes = Vec::new();
        for found in resource::functions(&document)? {
            for event in &found.events {
                routes.push(Route::new(event, &found.name, &api)?);
            }
            let timeout = Duration::from_secs(found.timeout_s);
            let variables = found.variables.into_iter().map(|(name, _)| name).collect();
            let every = found.every.map(Duration::from_secs);
            let function = Function {
                timeout,
                variables,
                every,
                statements: found.statements,
            };
            functions.insert(found.name, function);
        }
        let unknown = api.throttles.keys().find(|throttled| {
            let mut routes = routes.iter();
            !routes.any(|route| route.key() == **throttled)
        });
        if let Some(unknown) = unknown {
            return Err(Error::Route(unknown.clone()));
        }
        Ok(Self {
            functions,
            routes,
            throttles: api.throttles,
            cors: api.cors,
            table,
        })
    }

    /// Reads the repository's template.
    pub fn of_the_project(parameters: &BTreeMap<String, String>) -> Result<Self, Error> {
        Self::parse(PROJECT, parameters)
    }

    /// Returns the parameters of a stack on one machine. Those that only AWS needs are placeholders.
    pub fn local_parameters() -> BTreeMap<String, String> {
        let parameters = [
            ("Stage", "local"),
            ("TokenIssuer", "http://127.0.0.1/_local"),
            ("TokenAudience", "sparks-local"),
            ("AllowedOrigins", "http://127.0.0.1:8787"),
            ("StripePriceIds", "in the environment"),
            ("LangfusePublicKey", "in the environment"),
        ];
        parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// Reads the repository's template for one machine, with these allowed origins.
    pub fn on_this_machine(origins: &[String]) -> Result<Self, Error> {
        let mut parameters = Self::local_parameters();
        parameters.insert("AllowedOrigins".to_owned(), origins.join(","));
        Self::of_the_project(&parameters)
    }

    /// Returns the route of a request, and the variable parts of its path, decoded.
    pub fn route(&self, method: &str, path: &str) -> Option<(&Route, BTreeMap<String, String>)> {
        let matching = self
            .routes
            .iter()
            .filter_map(|route| Some((route, route.matches(method, path)?)));
        matching.min_by_key(|(route, _)| route.variables())
    }

    /// Returns the `CreateTable` request for a table of this name.
    pub fn table_definition(&self, name: &str) -> Value {
        let mut definition = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": self.table.attribute_definitions,
            "KeySchema": self.table.key_schema,
        });
        // DynamoDB refuses an empty list.
        if !self.table.global_secondary_indexes.is_empty() {
            definition["GlobalSecondaryIndexes"] = json!(self.table.global_secondary_indexes);
        }
        definition
    }
}
