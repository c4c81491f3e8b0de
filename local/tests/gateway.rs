//! HTTP to events and back: API Gateway's behaviour and its refusals.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::gateway::{Functions, Gateway, InProcess};
use local::http::FREE_PORT;
use local::template::Template;
use local::token::Keys;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// Generated once, since a key pair takes longer than a test.
static KEYS: LazyLock<Keys> = LazyLock::new(Keys::generate);

const ORIGIN: &str = "http://127.0.0.1:8787";

/// The project's routes, all served by one closure.
async fn gateway<F, R>(function: F) -> Gateway
where
    F: Fn(Value) -> R + Send + Sync + 'static,
    R: Future<Output = Value> + Send + 'static,
{
    let function = InProcess::new(function);
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    let names = template.functions.into_keys();
    let functions = names.map(|name| (name, function.clone())).collect();
    serve(Functions::InProcess(functions)).await
}

async fn serve(functions: Functions) -> Gateway {
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    Gateway::start(FREE_PORT, template, functions, KEYS.clone())
        .await
        .unwrap()
}

/// Returns its event.
async fn echo(event: Value) -> Value {
    json!({"statusCode": 200, "body": event.to_string()})
}

fn client() -> Client {
    local::client::plain()
}

fn post_usage(gateway: &Gateway) -> RequestBuilder {
    post(gateway, "/v1/usage")
}

fn post(gateway: &Gateway, path: &str) -> RequestBuilder {
    client()
        .post(format!("{}{path}", gateway.url()))
        .bearer_auth(gateway.token("acct_1", None))
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

async fn event_of(request: RequestBuilder) -> Value {
    json_of(request.send().await.unwrap()).await
}

async fn refusal_of(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), json_of(response).await)
}

#[tokio::test]
async fn a_request_becomes_an_event_of_payload_version_2() {
    let gateway = gateway(echo).await;
    let request = post(&gateway, "/v1/usage?a=1&b=x+y&a=2")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("Cookie", "c=1; d=2")
        .header("Content-Type", "application/json")
        .body(r#"{"usage":[]}"#);
    let event = event_of(request).await;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /v1/usage");
    assert_eq!(event["rawPath"], "/v1/usage");
    assert_eq!(event["rawQueryString"], "a=1&b=x+y&a=2");
    assert_eq!(
        event["queryStringParameters"],
        json!({"a": "1,2", "b": "x y"})
    );
    assert_eq!(event["headers"]["x-twice"], "one,two");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
    assert_eq!(event["body"], r#"{"usage":[]}"#);
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["accountId"], "000000000000");
    assert_eq!(context["apiId"], "local");
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["path"], "/v1/usage");
    assert!(context["requestId"].is_string());
    assert!(context["timeEpoch"].is_i64());
    assert_eq!(context["authorizer"]["jwt"]["claims"]["sub"], "acct_1");
    assert!(context["authorizer"]["jwt"]["claims"]["exp"].is_string());
}

#[tokio::test]
async fn the_lambda_runtime_parses_the_event() {
    use lambda_http::request::RequestContext;
    use lambda_http::{RequestExt, RequestPayloadExt};
    let gateway = gateway(echo).await;
    let request = post(&gateway, "/v1/usage?q=a%20b")
        .header("Content-Type", "application/x-thing")
        .body(r#"{"a":1}"#);
    let event = event_of(request).await.to_string();
    let request = lambda_http::request::from_str(&event).unwrap();
    assert_eq!(request.uri().path(), "/v1/usage");
    assert_eq!(request.query_string_parameters().first("q"), Some("a b"));
    assert_eq!(request.json::<Value>().unwrap().unwrap(), json!({"a": 1}));
    let RequestContext::ApiGatewayV2(context) = request.request_context() else {
        panic!("not an HTTP API event");
    };
    assert_eq!(
        context.authorizer.unwrap().jwt.unwrap().claims["sub"],
        "acct_1"
    );
}

#[tokio::test]
async fn a_body_that_is_not_text_arrives_as_base64() {
    let gateway = gateway(echo).await;
    let invalid: &[u8] = b"{\"a\":\"\xff\"}";
    for (content_type, body) in [
        ("application/json", invalid),
        ("application/octet-stream", b"abc"),
        ("application/x-www-form-urlencoded", b"a=1"),
    ] {
        let request = post_usage(&gateway)
            .header("Content-Type", content_type)
            .body(body.to_vec());
        let event = event_of(request).await;
        assert_eq!(event["isBase64Encoded"], true, "{content_type}");
        assert_eq!(
            STANDARD.decode(event["body"].as_str().unwrap()).unwrap(),
            body
        );
    }
}

#[tokio::test]
async fn a_response_keeps_its_headers_cookies_and_bytes() {
    let gateway = gateway(async |_| {
        json!({
            "statusCode": 201,
            "headers": {"x-one": "1", "x-number": 7, "x-many": "gone"},
            "multiValueHeaders": {"x-many": ["a", "b"]},
            "cookies": ["a=1", "b=2"],
            "body": STANDARD.encode(b"\xff\x00"),
            "isBase64Encoded": true,
        })
    })
    .await;
    let response = post_usage(&gateway).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let all = |name: &str| {
        let values = response.headers().get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(all("x-one"), ["1"]);
    assert_eq!(all("x-number"), ["7"]);
    assert_eq!(all("x-many"), ["a", "b"]);
    assert_eq!(all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(all("content-type"), ["application/json"]);
    assert_eq!(response.bytes().await.unwrap(), &b"\xff\x00"[..]);
}

#[tokio::test]
async fn a_malformed_response_is_an_internal_server_error() {
    for answer in [
        json!({"errorType": "Runtime.ExitError", "errorMessage": "secret"}),
        json!({"statusCode": 42}),
        json!({"statusCode": 200, "isBase64Encoded": true, "body": "%"}),
        json!({"statusCode": 200, "headers": {"a\nb": "c"}}),
        json!("text"),
    ] {
        let gateway = gateway(move |_| std::future::ready(answer.clone())).await;
        let refusal = refusal_of(post_usage(&gateway)).await;
        assert_eq!(refusal, (500, json!({"message": "Internal Server Error"})));
    }
}

#[tokio::test]
async fn an_unreachable_function_is_an_internal_server_error() {
    // Port 9 is "discard": no program listens there, and none may bind it.
    let gateway = serve(Functions::watched("http://127.0.0.1:9".into())).await;
    let refusal = refusal_of(post_usage(&gateway)).await;
    assert_eq!(refusal, (500, json!({"message": "Internal Server Error"})));
}

#[tokio::test]
async fn without_a_valid_token_no_function_is_called() {
    let gateway = gateway(async |_| panic!("a function was called")).await;
    let url = format!("{}/v1/usage", gateway.url());
    let foreign = Keys::generate().sign(&json!({"sub": "acct_1"}));
    for request in [
        client().post(&url),
        client().post(&url).bearer_auth(foreign),
        client().post(&url).header("Authorization", "Basic YTpi"),
        client().post(&url).header("Authorization", "Bearer"),
    ] {
        let refusal = refusal_of(request).await;
        assert_eq!(refusal, (401, json!({"message": "Unauthorized"})));
    }
}

#[tokio::test]
async fn an_unknown_route_is_not_found() {
    let gateway = gateway(echo).await;
    for path in [
        "/nowhere",
        "/v1/checkout",
        "/v1/usage/",
        "/v2/usage",
        "/_local/nothing",
    ] {
        let refusal = refusal_of(client().get(format!("{}{path}", gateway.url()))).await;
        assert_eq!(refusal, (404, json!({"message": "Not Found"})), "{path}");
    }
}

#[tokio::test]
async fn a_body_whose_event_is_over_6_mb_is_refused() {
    let gateway = gateway(async |_| json!({"statusCode": 204})).await;
    let most = 6 * 1024 * 1024;
    let taken = post_usage(&gateway)
        .body(vec![b'x'; most / 2])
        .send()
        .await
        .unwrap();
    assert_eq!(taken.status(), StatusCode::NO_CONTENT);
    let refusal = refusal_of(post_usage(&gateway).body(vec![b'x'; most])).await;
    assert_eq!(
        refusal,
        (413, json!({"message": "Request Entity Too Large"}))
    );
}

#[tokio::test]
async fn an_allowed_origin_gets_cors_headers() {
    let gateway = gateway(echo).await;
    let url = format!("{}/v1/usage", gateway.url());
    let preflight = client()
        .request(reqwest::Method::OPTIONS, &url)
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()["access-control-allow-origin"], ORIGIN);
    let allowed = &preflight.headers()["access-control-allow-headers"];
    assert_eq!(
        allowed,
        "authorization,content-type,idempotency-key,traceparent,tracestate,baggage,sentry-trace"
    );
    for request in [post_usage(&gateway), client().post(&url)] {
        let response = request.header("Origin", ORIGIN).send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
        let exposed = &response.headers()["access-control-expose-headers"];
        assert_eq!(exposed, "idempotent-replayed,retry-after");
    }
}

#[tokio::test]
async fn another_origin_gets_no_cors_headers() {
    let gateway = gateway(echo).await;
    let url = format!("{}/v1/usage", gateway.url());
    for method in [reqwest::Method::OPTIONS, reqwest::Method::POST] {
        let request = client()
            .request(method, &url)
            .header("Origin", "https://evil.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers().get("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn another_host_or_a_cross_site_token_request_is_forbidden() {
    let gateway = gateway(echo).await;
    let url = format!("{}/_local/token", gateway.url());
    let body = r#"{"account":"acct_1"}"#;
    let rebound = client()
        .post(&url)
        .header("Host", "evil.example")
        .body(body);
    assert_eq!(
        rebound.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    let cross = client()
        .post(&url)
        .header("Origin", "https://evil.example")
        .body(body);
    assert_eq!(cross.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn tokens_are_issued_for_accounts_and_services() {
    let gateway = gateway(echo).await;
    let url = format!("{}/_local/token", gateway.url());
    let service = r#"{"account":"svc","scope":"sparks:act_for_accounts"}"#;
    let token = event_of(client().post(&url).body(service)).await;
    let usage = client().get(format!("{}/v1/balance", gateway.url()));
    let event = event_of(usage.bearer_auth(token["token"].as_str().unwrap())).await;
    let claims = &event["requestContext"]["authorizer"]["jwt"]["claims"];
    assert_eq!(claims["sub"], "svc");
    assert_eq!(claims["scope"], "sparks:act_for_accounts");
    assert_eq!(claims["aud"], "[sparks-local]");
    for refused in ["", "{}", r#"{"account":"a","alg":"none"}"#] {
        let response = client().post(&url).body(refused).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn an_expired_token_can_be_issued() {
    let gateway = gateway(echo).await;
    let url = format!("{}/_local/token", gateway.url());
    for (age_s, status) in [(3500, 200), (3600, 401)] {
        let wanted = format!(r#"{{"account":"acct_1","age_s":{age_s}}}"#);
        let token = event_of(client().post(&url).body(wanted)).await;
        let balance = client().get(format!("{}/v1/balance", gateway.url()));
        let balance = balance.bearer_auth(token["token"].as_str().unwrap());
        assert_eq!(balance.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn health_names_the_functions_that_do_not_respond() {
    let ready = gateway(async |_| json!({"statusCode": 401})).await;
    let health = client().get(format!("{}/_local/health", ready.url()));
    assert_eq!(
        refusal_of(health).await,
        (200, json!({"ready": true, "missing": []}))
    );

    let only_one = [("read-account".to_owned(), InProcess::new(echo))];
    let waiting = serve(Functions::InProcess(only_one.into())).await;
    let health = client().get(format!("{}/_local/health", waiting.url()));
    let expected = json!({
        "ready": false,
        "missing": ["create-checkout", "create-portal", "record-usage", "stripe-webhook", "verify-payment"],
    });
    assert_eq!(refusal_of(health).await, (503, expected));
}
