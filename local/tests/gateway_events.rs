//! Tests that the events of `events/` match the gateway's. It also tests that the functions can read them.

use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use local::template::Template;
use serde_json::Value;

const EVENTS: [(&str, &str); 8] = [
    (
        "create-checkout",
        include_str!("../../events/create-checkout.json"),
    ),
    (
        "create-portal",
        include_str!("../../events/create-portal.json"),
    ),
    (
        "read-balance",
        include_str!("../../events/read-balance.json"),
    ),
    (
        "record-usage",
        include_str!("../../events/record-usage.json"),
    ),
    (
        "record-usage-batch",
        include_str!("../../events/record-usage-batch.json"),
    ),
    (
        "record-usage-service",
        include_str!("../../events/record-usage-service.json"),
    ),
    (
        "stripe-webhook",
        include_str!("../../events/stripe-webhook.json"),
    ),
    (
        "verify-payment",
        include_str!("../../events/verify-payment.json"),
    ),
];

#[test]
fn every_event_is_for_a_route_of_the_template() {
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    for (name, event) in EVENTS {
        let event: Value = serde_json::from_str(event).unwrap();
        let http = &event["requestContext"]["http"];
        let [method, path] = ["method", "path"].map(|part| http[part].as_str().unwrap());
        let (route, parameters) = template.route(method, path).unwrap();
        assert_eq!(event["routeKey"], route.key(), "{name}");
        assert_eq!(event["requestContext"]["routeKey"], route.key(), "{name}");
        assert_eq!(event["rawPath"], path, "{name}");
        for (part, value) in parameters {
            assert_eq!(event["pathParameters"][part], value, "{name}");
        }
    }
}

#[test]
fn the_lambda_runtime_reads_the_claims_and_body_of_every_event() {
    for (name, event) in EVENTS {
        let request = lambda_http::request::from_str(event).unwrap();
        let RequestContext::ApiGatewayV2(context) = request.request_context() else {
            panic!("{name} is not an HTTP API event");
        };
        let jwt = context.authorizer.and_then(|authorizer| authorizer.jwt);
        let account = jwt.map(|jwt| jwt.claims["sub"].clone());
        let expected = match name {
            "record-usage-service" => Some("svc"),
            "stripe-webhook" => None,
            _ => Some("acct_demo"),
        };
        assert_eq!(account.as_deref(), expected, "{name}");
        if request.method() == "POST" && name != "verify-payment" {
            let body: Value = serde_json::from_slice(request.body().as_ref()).unwrap();
            assert!(body.is_object(), "{name}");
        }
    }
}
