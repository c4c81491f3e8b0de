//! Options of `make dev`: ports, a folder, real services, and whether to stay up.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use super::origins;
use crate::http::FREE_PORT;
use crate::stack;

/// Default ports, at which other programs expect the stack.
const GATEWAY_PORT: u16 = 8787;
const FUNCTIONS_PORT: u16 = 9000;
const DYNAMODB_PORT: u16 = 8000;
const STRIPE_PORT: u16 = 12111;
const LANGFUSE_PORT: u16 = 3111;

/// Default path of the exports for the operator, from the project's folder.
const ENVIRONMENT_FILE: &str = ".local/env";

/// The keys of the fakes; their presence does not select a real service.
const FAKE_STRIPE_KEY: &str = "sk_test_local";
const FAKE_LANGFUSE_KEY: &str = "pk-lf-local";

/// An error in the environment or the arguments.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// An argument other than `--once` or `--fakes`.
    #[error("unknown argument `{0}`; only `--once` and `--fakes` are supported")]
    Argument(String),
    /// A port is not a number from 0 to 65535.
    #[error("{0} is not a port")]
    Port(&'static str),
    /// A live key, with which a mistake costs money, or a malformed key.
    #[error("STRIPE_SECRET_KEY is not a test key; only sk_test_… and rk_test_… are accepted")]
    LiveKey,
    /// Only one of Langfuse's two keys is set.
    #[error("{0} is missing: Langfuse needs both its keys")]
    HalfLangfuse(&'static str),
    /// A malformed origin, or one that the functions would refuse.
    #[error(
        "`{0}` in SPARKS_ALLOWED_ORIGINS is not an origin such as http://localhost:3000 (https, or http on this machine)"
    )]
    Origin(String),
    /// No free port for the functions was found.
    #[error("there is no free port for the functions")]
    NoFreePort,
}

/// The options of `make dev`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Stops after the demonstration.
    pub once: bool,
    /// Starts only the fakes, for deployed functions.
    pub fakes_only: bool,
    /// The API's address.
    pub gateway: SocketAddr,
    /// The address at which programs invoke the functions; port 0 picks a free one.
    pub functions: SocketAddr,
    /// The origins whose pages may call the API, in addition to its own.
    pub origins: Vec<String>,
    /// The addresses of the database and the fakes.
    pub stack: stack::Options,
    /// The path of the exports for the operator's command, from the project's folder.
    pub environment_file: PathBuf,
    /// The variables of real services; they override those of the fakes.
    pub real_services: BTreeMap<String, String>,
}

/// The services that are fakes, whose state can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fakes {
    pub(super) stripe: bool,
    pub(super) langfuse: bool,
}

impl Options {
    /// Reads the arguments and the environment.
    pub fn read(
        mut arguments: impl Iterator<Item = String>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let (once, fakes_only) = match arguments.next() {
            None => (false, false),
            Some(argument) if argument == "--once" => (true, false),
            Some(argument) if argument == "--fakes" => (false, true),
            Some(argument) => return Err(Error::Argument(argument)),
        };
        let address = |name, default| {
            let port = match environment.get(name) {
                None => default,
                Some(port) => port.parse().map_err(|_| Error::Port(name))?,
            };
            Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        };
        let mut real_services = real_stripe(environment)?;
        real_services.extend(real_langfuse(environment)?);
        Ok(Self {
            once,
            fakes_only,
            gateway: address("SPARKS_GATEWAY_PORT", GATEWAY_PORT)?,
            functions: address("SPARKS_FUNCTIONS_PORT", FUNCTIONS_PORT)?,
            origins: origins::read(set(environment, "SPARKS_ALLOWED_ORIGINS").unwrap_or_default())
                .map_err(Error::Origin)?,
            stack: stack::Options {
                dynamodb: address("SPARKS_DYNAMODB_PORT", DYNAMODB_PORT)?,
                stripe: address("SPARKS_STRIPE_PORT", STRIPE_PORT)?,
                langfuse: address("SPARKS_LANGFUSE_PORT", LANGFUSE_PORT)?,
                directory: set(environment, "SPARKS_LOCAL_DIR").map(PathBuf::from),
                ..stack::Options::default()
            },
            environment_file: set(environment, "SPARKS_LOCAL_ENV")
                .unwrap_or(ENVIRONMENT_FILE)
                .into(),
            real_services,
        })
    }

    pub(super) fn fakes(&self) -> Fakes {
        let real = |name| self.real_services.contains_key(name);
        Fakes {
            stripe: !real("STRIPE_SECRET_KEY"),
            langfuse: !real("LANGFUSE_SECRET_KEY"),
        }
    }
}

/// Returns a random address for `cargo lambda watch`. That cannot report which free port it took.
///
/// It accepts events from any web page, so no page may know its port.
pub(super) fn random_address() -> Result<SocketAddr, Error> {
    TcpListener::bind(FREE_PORT)
        .and_then(|listener| listener.local_addr())
        .map_err(|_| Error::NoFreePort)
}

fn real_stripe(environment: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    let Some(key) = set(environment, "STRIPE_SECRET_KEY").filter(|key| *key != FAKE_STRIPE_KEY)
    else {
        return Ok(BTreeMap::new());
    };
    if !key.starts_with("sk_test_") && !key.starts_with("rk_test_") {
        return Err(Error::LiveKey);
    }
    let base = set(environment, "STRIPE_API_BASE").unwrap_or("https://api.stripe.com");
    let mut real = owned(&[("STRIPE_SECRET_KEY", key), ("STRIPE_API_BASE", base)]);
    let secrets = set(environment, "STRIPE_WEBHOOK_SECRETS");
    real.extend(secrets.map(|secrets| ("STRIPE_WEBHOOK_SECRETS".to_owned(), secrets.to_owned())));
    Ok(real)
}

fn real_langfuse(
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    const NAMES: [&str; 2] = ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"];
    let [public, secret] = match NAMES.map(|name| set(environment, name)) {
        [None, None] | [Some(FAKE_LANGFUSE_KEY), _] => return Ok(BTreeMap::new()),
        [Some(public), Some(secret)] => [public, secret],
        [None, _] => return Err(Error::HalfLangfuse(NAMES[0])),
        [_, None] => return Err(Error::HalfLangfuse(NAMES[1])),
    };
    let host = set(environment, "LANGFUSE_HOST").unwrap_or("https://cloud.langfuse.com");
    Ok(owned(&[
        (NAMES[0], public),
        (NAMES[1], secret),
        ("LANGFUSE_HOST", host),
    ]))
}

/// Returns a variable that is present and not empty.
fn set<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    environment
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Options, Error> {
        Options::read(std::iter::empty(), &owned(pairs))
    }

    #[test]
    fn the_defaults_are_fixed_ports_and_the_fakes() {
        let options = read(&[]).unwrap();
        assert_eq!(options.gateway.to_string(), "127.0.0.1:8787");
        assert_eq!(options.functions.to_string(), "127.0.0.1:9000");
        assert_eq!(options.stack.dynamodb.to_string(), "127.0.0.1:8000");
        assert_eq!(options.stack.stripe.to_string(), "127.0.0.1:12111");
        assert_eq!(options.stack.langfuse.to_string(), "127.0.0.1:3111");
        assert_eq!(
            options.fakes(),
            Fakes {
                stripe: true,
                langfuse: true
            }
        );
        assert!(!options.once && !options.fakes_only);
    }

    #[test]
    fn once_and_fakes_are_accepted() {
        for (argument, once, fakes_only) in [("--once", true, false), ("--fakes", false, true)] {
            let options = Options::read([argument.to_owned()].into_iter(), &owned(&[])).unwrap();
            assert_eq!((options.once, options.fakes_only), (once, fakes_only));
        }
    }

    #[test]
    fn ports_come_from_the_environment() {
        let options = read(&[("SPARKS_GATEWAY_PORT", "0"), ("SPARKS_STRIPE_PORT", "7")]).unwrap();
        assert_eq!(options.gateway.port(), 0);
        assert_eq!(options.stack.stripe.port(), 7);
        let wrong = read(&[("SPARKS_DYNAMODB_PORT", "x")]).unwrap_err();
        assert_eq!(wrong, Error::Port("SPARKS_DYNAMODB_PORT"));
    }

    #[test]
    fn a_malformed_origin_is_refused_by_name() {
        let options = read(&[("SPARKS_ALLOWED_ORIGINS", "http://localhost:4321")]).unwrap();
        assert_eq!(options.origins.last().unwrap(), "http://localhost:4321");
        let error = read(&[("SPARKS_ALLOWED_ORIGINS", "localhost:4321")]).unwrap_err();
        let message = error.to_string();
        let named = "`localhost:4321` in SPARKS_ALLOWED_ORIGINS";
        assert!(
            message.starts_with(named) && !message.contains('\n'),
            "{message}"
        );
    }

    #[test]
    fn the_environment_file_can_be_changed() {
        for (value, file) in [("", ".local/env"), ("other.env", "other.env")] {
            let options = read(&[("SPARKS_LOCAL_ENV", value)]).unwrap();
            assert_eq!(options.environment_file, PathBuf::from(file));
        }
    }

    #[test]
    fn only_a_test_key_reaches_stripe() {
        for key in ["sk_test_1", "rk_test_1"] {
            let options = read(&[("STRIPE_SECRET_KEY", key)]).unwrap();
            assert_eq!(
                options.real_services["STRIPE_API_BASE"],
                "https://api.stripe.com"
            );
            assert_eq!(
                options.fakes(),
                Fakes {
                    stripe: false,
                    langfuse: true
                }
            );
        }
        for key in ["sk_live_1", "rk_live_1", "pk_test_1", "whatever"] {
            assert_eq!(
                read(&[("STRIPE_SECRET_KEY", key)]).unwrap_err(),
                Error::LiveKey
            );
        }
    }

    #[test]
    fn langfuse_needs_both_its_keys() {
        let both = [
            ("LANGFUSE_PUBLIC_KEY", "pk-lf-1"),
            ("LANGFUSE_SECRET_KEY", "sk-lf-1"),
        ];
        let options = read(&both).unwrap();
        assert_eq!(
            options.real_services["LANGFUSE_HOST"],
            "https://cloud.langfuse.com"
        );
        assert_eq!(
            options.fakes(),
            Fakes {
                stripe: true,
                langfuse: false
            }
        );
        assert_eq!(
            read(&both[..1]).unwrap_err(),
            Error::HalfLangfuse("LANGFUSE_SECRET_KEY")
        );
        assert_eq!(
            read(&both[1..]).unwrap_err(),
            Error::HalfLangfuse("LANGFUSE_PUBLIC_KEY")
        );
    }

    #[test]
    fn the_keys_of_the_fakes_select_no_real_service() {
        let fakes = [
            ("STRIPE_SECRET_KEY", "sk_test_local"),
            ("LANGFUSE_PUBLIC_KEY", "pk-lf-local"),
            ("LANGFUSE_SECRET_KEY", "sk-lf-local"),
        ];
        assert!(read(&fakes).unwrap().real_services.is_empty());
    }

    #[test]
    fn an_unknown_argument_is_refused() {
        let error = Options::read(["--twice".to_owned()].into_iter(), &owned(&[])).unwrap_err();
        assert_eq!(error, Error::Argument("--twice".to_owned()));
    }
}
