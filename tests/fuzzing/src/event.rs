//! Events of API Gateway, as the Lambda runtime makes requests of them.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, Request, RequestExt};
use url::Url;

/// A request, and the claims that the authorizer has verified.
pub(crate) struct Arrival {
    pub(crate) request: Request,
    pub(crate) claims: Option<HashMap<String, String>>,
}

/// Returns the request of an event; None if API Gateway could not have sent it.
///
/// The event's time serves as Lambda's deadline.
pub(crate) fn arrival(event: &[u8]) -> Option<Arrival> {
    let mut event: LambdaRequest = serde_json::from_slice(event).ok()?;
    let LambdaRequest::ApiGatewayV2(sent) = &mut event else {
        return None;
    };
    // API Gateway sends the route key in both places.
    sent.request_context.route_key = sent.route_key.clone();
    if !can_be_sent(sent) {
        return None;
    }
    let authorizer = sent.request_context.authorizer.as_ref();
    let claims = authorizer.and_then(|authorizer| authorizer.jwt.as_ref());
    let claims = claims.map(|jwt| jwt.claims.clone());
    let mut context = Context::default();
    context.deadline = sent.request_context.time_epoch.unsigned_abs();
    let request = Request::from(event).with_lambda_context(context);
    Some(Arrival { request, claims })
}

/// Returns whether an event has the address and body that the runtime's adapter relies on.
fn can_be_sent(sent: &ApiGatewayV2httpRequest) -> bool {
    let header = |name: &str| sent.headers.get(name).and_then(|value| value.to_str().ok());
    let stage = sent.request_context.stage.as_deref();
    let host = header("host").or(sent.request_context.domain_name.as_deref());
    let scheme = header("x-forwarded-proto").unwrap_or("https");
    let path = sent.raw_path.as_deref().unwrap_or_default();
    let query = sent.raw_query_string.as_deref().unwrap_or_default();
    let base = format!("{scheme}://{}{path}", host.unwrap_or("localhost"));
    let address = Url::parse(&base).map(|url| format!("{url}?{query}"));
    let body = sent.body.as_deref().unwrap_or_default();
    matches!(scheme, "http" | "https")
        && stage == Some("$default")
        && host.is_some_and(|host| !host.contains(['/', '?', '#', '@', '\\']))
        && address.is_ok_and(|address| address.parse::<Uri>().is_ok())
        && (!sent.is_base64_encoded || STANDARD.decode(body).is_ok())
}
