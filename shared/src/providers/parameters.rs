//! Secrets in parameters of AWS Systems Manager. They are read once at cold start, in one call, decrypted.
//!
//! The call is signed here and goes over the byte transport: a second SDK would be more code than everything else.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::process::clock::Clock;
use crate::process::config::{self, Aws, Elsewhere, Environment};
use crate::process::deadline::Deadline;
use crate::process::transport::{self, Transport};

/// The time limits of one attempt and of all together: Lambda's init has ten seconds.
const TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIME: Duration = Duration::from_secs(8);

/// The environment, with the secrets from the parameters that it names.
pub struct Parameters<'a> {
    lookup: Box<Lookup<'a>>,
}

type Lookup<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// The secrets cannot be read. The error contains none of them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable is missing or malformed.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// There is no such parameter.
    #[error("the environment variable {variable} names `{parameter}`, which does not exist")]
    Unknown {
        /// The variable that names it.
        variable: &'static str,
        /// Its name.
        parameter: String,
    },
    /// The request could not be signed.
    #[error("the request for the parameters cannot be signed")]
    Signature(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no response.
    #[error("no response to the request for the parameters")]
    Unanswered(#[source] transport::Error),
    /// The request was refused: the permission is missing, or AWS is busy.
    #[error("the request for the parameters was refused with status {status}: {kind}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// AWS's name of the error.
        kind: String,
    },
    /// The response cannot be read.
    #[error("the response with the parameters cannot be read")]
    Unreadable,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    value: SecretString,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

impl<'a> Parameters<'a> {
    /// Reads the parameters that the environment names; makes no call if it names none.
    pub async fn read(
        environment: Environment<'a>,
        transport: &Transport,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let elsewhere = environment.secrets_elsewhere()?;
        let mut secrets = BTreeMap::new();
        if !elsewhere.is_empty() {
            let deadline = Deadline::lasting(clock, READ_TIME);
            let found = ask(&environment.aws()?, &elsewhere, transport, &deadline).await?;
            for one in elsewhere {
                let value = found.iter().find(|found| found.name == one.parameter);
                let value = value.ok_or(Error::Unknown {
                    variable: one.named_by,
                    parameter: one.parameter,
                })?;
                secrets.insert(one.variable, value.value.clone());
            }
        }
        Ok(Self {
            lookup: Box::new(move |name| match secrets.get(name) {
                Some(secret) => Some(secret.expose_secret().to_owned()),
                None => environment.variable(name),
            }),
        })
    }

    /// Returns the variables, as if each secret had been set itself.
    pub fn environment(&self) -> Environment<'_> {
        Environment::from_lookup(&*self.lookup)
    }
}

impl fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameters")
    }
}

/// Reads the parameters; retries transient failures until the time is up.
async fn ask(
    aws: &Aws,
    elsewhere: &[Elsewhere],
    transport: &Transport,
    deadline: &Deadline,
) -> Result<Vec<Parameter>, Error> {
    let mut attempt = 1;
    loop {
        let asked = ask_once(aws, elsewhere, transport).await;
        let passing = match &asked {
            Err(Error::Unanswered(_)) => true,
            Err(Error::Refused { status, kind }) => {
                status.is_server_error() || kind.contains("Throttl")
            }
            _ => false,
        };
        if !passing || !deadline.another(attempt).await {
            return asked;
        }
        attempt += 1;
    }
}

/// `GetParameters`. <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>
async fn ask_once(
    aws: &Aws,
    elsewhere: &[Elsewhere],
    transport: &Transport,
) -> Result<Vec<Parameter>, Error> {
    // One parameter may hold two secrets, and is named once.
    let mut names: Vec<&str> = elsewhere.iter().map(|one| one.parameter.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let body = json!({ "Names": names, "WithDecryption": true }).to_string();
    let request = signed(aws, body).map_err(Error::Signature)?;
    let answer = transport.send(request, TIMEOUT).await;
    let answer = answer.map_err(Error::Unanswered)?;
    if answer.status() != StatusCode::OK {
        let kind = serde_json::from_slice(answer.body()).map(|refusal: Refusal| refusal.kind);
        return Err(Error::Refused {
            status: answer.status(),
            kind: kind.unwrap_or_default(),
        });
    }
    // The parser's error would quote the body.
    let answer: Answer = serde_json::from_slice(answer.body()).map_err(|_| Error::Unreadable)?;
    Ok(answer.parameters)
}

fn signed(
    aws: &Aws,
    body: String,
) -> Result<Request<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    const TARGET: (&str, &str) = ("x-amz-target", "AmazonSSM.GetParameters");
    const MEDIA_TYPE: &str = "application/x-amz-json-1.1";
    let region = &aws.region;
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let base = aws.ssm_endpoint.clone();
    let address = base.unwrap_or_else(|| format!("https://ssm.{region}.{domain}")) + "/";
    let token = aws.session_token.as_ref();
    let identity = Credentials::new(
        aws.access_key_id.clone(),
        aws.secret_access_key.expose_secret(),
        token.map(|token| token.expose_secret().to_owned()),
        None,
        "environment",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("ssm")
        .time(now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = [(header::CONTENT_TYPE.as_str(), MEDIA_TYPE), TARGET];
    let signable = SignableRequest::new(
        "POST",
        address.as_str(),
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    let mut request = Request::post(&address)
        .header(header::CONTENT_TYPE, MEDIA_TYPE)
        .header(TARGET.0, TARGET.1)
        .body(Bytes::from(body))?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// Returns the machine's time, even in tests with a clock of their own. AWS checks the time of a signature.
#[expect(clippy::disallowed_methods, reason = "AWS compares it with its own")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests;
