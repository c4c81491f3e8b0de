//! Access from this machine. Pages of allowed origins reach the API, and only programs invoke functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use local::gateway::{Functions, Gateway, InProcess};
use local::http::{FREE_PORT, Listener, Server};
use local::template::Template;
use local::token::Keys;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const FRONTEND: &str = "http://localhost:3000";

/// A gateway that allows its own origin and a frontend's. Its functions count their calls.
async fn gateway(calls: &Arc<AtomicUsize>) -> Gateway {
    let listener = Listener::bind(FREE_PORT).await.unwrap();
    let origins = [listener.url(), FRONTEND.to_owned()];
    let template = Template::on_this_machine(&origins).unwrap();
    let calls = Arc::clone(calls);
    let function = InProcess::new(move |event: Value| {
        calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(json!({"statusCode": 200, "body": event.to_string()}))
    });
    let names = template.functions.keys().cloned();
    let functions = names.map(|name| (name, function.clone())).collect();
    let functions = Functions::InProcess(functions);
    Gateway::serve(listener, template, functions, Keys::generate()).unwrap()
}

async fn invocations(gateway: &Gateway) -> Server {
    gateway.serve_invocations(Listener::bind(FREE_PORT).await.unwrap())
}

fn read_account(server: &Server) -> String {
    let path = "2015-03-31/functions/read-account/invocations";
    format!("{}/{path}", server.url())
}

#[tokio::test]
async fn cors_allows_only_the_origins_of_the_gateway_and_the_frontend() {
    let gateway = gateway(&Arc::default()).await;
    let own = gateway.url();
    for (origin, allowed) in [
        (own.as_str(), true),
        (FRONTEND, true),
        ("http://127.0.0.1:8787", false),
        ("http://localhost:3001", false),
    ] {
        let preflight = local::client::plain()
            .request(Method::OPTIONS, format!("{own}/v1/usage"))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST");
        let answer = preflight.send().await.unwrap();
        let named = answer.headers().get("access-control-allow-origin");
        assert_eq!(
            named.is_some_and(|named| named == origin),
            allowed,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn a_program_invokes_a_function_with_an_event() {
    let calls = Arc::default();
    let gateway = gateway(&calls).await;
    let server = invocations(&gateway).await;
    let answer = local::client::plain()
        .post(read_account(&server))
        .body(r#"{"rawPath":"/v1/balance"}"#);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(answer["body"], r#"{"rawPath":"/v1/balance"}"#);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_web_page_cannot_invoke_a_function() {
    let calls = Arc::default();
    let gateway = gateway(&calls).await;
    let server = invocations(&gateway).await;
    let own = server.url();
    for (name, value) in [
        ("Host", "evil.example"),
        ("Host", "127.0.0.1"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", gateway.url().as_str()),
        ("Origin", own.as_str()),
    ] {
        let event = local::client::plain()
            .post(read_account(&server))
            .header(name, value)
            .header("Content-Type", "text/plain")
            .body("{}");
        let status = event.send().await.unwrap().status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn only_json_events_for_known_functions_are_accepted() {
    let calls = Arc::default();
    let gateway = gateway(&calls).await;
    let server = invocations(&gateway).await;
    let known = read_account(&server);
    for (method, url, body, status) in [
        (Method::GET, known.clone(), "{}", 404),
        (
            Method::POST,
            known.replace("read-account", "nothing"),
            "{}",
            404,
        ),
        (
            Method::GET,
            format!(
                "{}/.rt/read-account/2018-06-01/runtime/invocation/next",
                server.url()
            ),
            "",
            404,
        ),
        (Method::POST, known.clone(), "no JSON", 400),
    ] {
        let request = local::client::plain().request(method, &url).body(body);
        assert_eq!(request.send().await.unwrap().status(), status, "{url}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}
