//! Reads `template.yaml`: the API's routes, who may call them, and the table.
//!
//! What the local stack serves is what is deployed: a route, an origin or an index that is not in
//! the template does not exist here. What is written there and not understood here is an error,
//! never ignored.
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

/// The template as it is in the repository.
const PROJECT: &str = include_str!("../../template.yaml");

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not YAML.
    #[error("the template is not YAML")]
    Yaml(#[source] serde_yaml_ng::Error),
    /// A tag such as `!Select` that nothing here needs yet.
    #[error("`{0}` is not understood")]
    Intrinsic(String),
    /// A parameter without default that was not given.
    #[error("parameter `{0}` has no value")]
    Missing(String),
    /// A given parameter the template does not have.
    #[error("parameter `{0}` is not declared")]
    Undeclared(String),
    /// A `!Ref` or `!Sub` to nothing.
    #[error("`{0}` is neither a parameter nor a resource")]
    Unresolved(String),
    /// A resource that says something else than what is understood.
    #[error("resource `{resource}` is not understood")]
    Resource {
        /// Its name in the template.
        resource: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Not exactly one HTTP API, or not exactly one table.
    #[error("the template needs exactly one `{0}`")]
    NotOne(&'static str),
    /// A schedule that is no rate in minutes.
    #[error("the schedule `{0}` is not understood")]
    Schedule(String),
    /// A route that names what does not exist, or uses a pattern that is not understood.
    #[error("route `{0}` is not understood")]
    Route(String),
}

/// The parts of the template that the local stack acts on.
#[derive(Debug)]
pub struct Template {
    /// What can be invoked, by name.
    pub functions: BTreeMap<String, Function>,
    /// What the API answers to, in the template's order.
    pub routes: Vec<Route>,
    /// The requests a second that a route takes which is throttled apart from the others, by [`Route::key`].
    pub throttles: BTreeMap<String, u32>,
    /// Which origins may call it from a browser; nobody when absent.
    pub cors: Option<Cors>,
    table: resource::Table,
}

/// One Lambda function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// How long an invocation may take.
    pub timeout: Duration,
    /// The names of the environment variables it gets.
    pub variables: BTreeSet<String>,
    /// How often it runs by itself.
    pub every: Option<Duration>,
    /// What it may do at AWS.
    pub statements: Vec<Statement>,
}

/// Whose tokens open a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// The header that carries the token, in lower case.
    pub header: String,
    /// Who must have signed it.
    pub issuer: String,
    /// Whom it must be meant for: any of these.
    pub audience: Vec<String>,
}

/// What a browser is told about other origins.
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
    /// Seconds a browser may remember this.
    #[serde(default)]
    pub max_age: Option<u32>,
}

impl Template {
    /// Reads a template with values for its parameters, which come before their defaults.
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

    /// The project's own template.
    pub fn of_the_project(parameters: &BTreeMap<String, String>) -> Result<Self, Error> {
        Self::parse(PROJECT, parameters)
    }

    /// The parameters of a stack on one machine; what only AWS needs is a placeholder.
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

    /// The project's own template on one machine, for pages of these origins.
    pub fn on_this_machine(origins: &[String]) -> Result<Self, Error> {
        let mut parameters = Self::local_parameters();
        parameters.insert("AllowedOrigins".to_owned(), origins.join(","));
        Self::of_the_project(&parameters)
    }

    /// The route a request is for, and the varying parts of its path, decoded.
    pub fn route(&self, method: &str, path: &str) -> Option<(&Route, BTreeMap<String, String>)> {
        let matching = self
            .routes
            .iter()
            .filter_map(|route| Some((route, route.matches(method, path)?)));
        matching.min_by_key(|(route, _)| route.variables())
    }

    /// The `CreateTable` request for a table of this name.
    pub fn table_definition(&self, name: &str) -> Value {
        let mut definition = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": self.table.attribute_definitions,
            "KeySchema": self.table.key_schema,
        });
        // An empty list is refused.
        if !self.table.global_secondary_indexes.is_empty() {
            definition["GlobalSecondaryIndexes"] = json!(self.table.global_secondary_indexes);
        }
        definition
    }
}
