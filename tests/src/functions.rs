//! The functions of a world. They are in this process, behind a gateway, with the variables that the template gives
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use local::gateway::{Functions, Gateway, InProcess};
use local::http::Listener;
use local::template::Template;
use local::token::Keys;
use serde_json::{Value, json};
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::telemetry::Lines;
use shared::process::transport::Transport;

use crate::BASE_PATH;

/// Starts the functions behind a gateway on this listener.
pub(crate) fn gateway(
    listener: Listener,
    environment: &BTreeMap<String, String>,
    clock: &Clock,
    lines: &Lines,
) -> Gateway {
    let template = Template::on_this_machine(&[listener.url()]).expect("the template");
    let lookup = |name: &str| environment.get(name).cloned();
    let transport = Transport::network();
    // Each function has a crate with an `App` and a `handle` of its own types.
    macro_rules! function {
        ($name:literal, $function:ident) => {{
            let own = own_variables(&template, $name, environment);
            let lookup = |name: &str| own.get(name).cloned();
            let own = Environment::from_lookup(&lookup);
            let app = $function::App::new(Setup {
                environment: own,
                transport: &transport,
                clock: &clock,
            });
            let app = Arc::new(app.expect("configured"));
            let lines = lines.clone();
            let function = InProcess::new(move |event| {
                let (app, lines) = (Arc::clone(&app), lines.clone());
                async move {
                    let handler = service_fn(|request| $function::handle(&app, request));
                    lines.keep(invoke(handler, event, Context::default())).await
                }
            });
            ($name.to_owned(), function)
        }};
    }
    let mut functions = BTreeMap::from([
        function!("record-usage", record_usage),
        function!("read-account", read_account),
    ]);
    // These functions need Stripe: without it, they fail at init in Lambda.
    if lookup("STRIPE_SECRET_KEY").is_some_and(|key| !key.is_empty()) {
        functions.extend([
            function!("create-checkout", create_checkout),
            function!("create-portal", create_portal),
            function!("verify-payment", verify_payment),
            function!("stripe-webhook", stripe_webhook),
        ]);
    }
    let own = own_variables(&template, "deliver-outbox", environment);
    let lookup = |name: &str| own.get(name).cloned();
    let own = Environment::from_lookup(&lookup);
    let outbox = deliver_outbox::App::new(Setup {
        environment: own,
        transport: &transport,
        clock,
    });
    let outbox = Arc::new(outbox.expect("configured"));
    let lines = lines.clone();
    let outbox = InProcess::new(move |event| {
        let (outbox, lines) = (Arc::clone(&outbox), lines.clone());
        async move {
            let event = LambdaEvent::new(event, Context::default());
            let report = lines.keep(deliver_outbox::handle(&outbox, event)).await;
            json!(report.expect("a run of the outbox"))
        }
    });
    functions.insert("deliver-outbox".to_owned(), outbox);
    let base_path = environment.get(BASE_PATH).map_or("", String::as_str);
    let functions = Functions::InProcess(functions);
    let gateway = Gateway::serve_under(base_path, listener, template, functions, Keys::generate());
    gateway.expect("a gateway serves")
}

/// Returns the variables that a function has in AWS, and no others.
///
/// The function signs with its own name, so that its own policies apply.
pub(crate) fn own_variables(
    template: &Template,
    function: &str,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let given = &template.functions[function].variables;
    let is_given = |name: &str| {
        let by_parameter = format!("{name}_PARAMETER");
        name.starts_with("AWS_") || given.contains(name) || given.contains(&by_parameter)
    };
    let own = environment.iter().filter(|(name, _)| is_given(name));
    let mut own: BTreeMap<String, String> = own
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    own.insert("AWS_ACCESS_KEY_ID".to_owned(), function.to_owned());
    own
}

/// Calls a handler with an event, through the same adapter as in Lambda.
pub(crate) async fn invoke<'a, S>(handler: S, event: Value, context: Context) -> Value
where
    S: Service<
            lambda_http::Request,
            Response = lambda_http::Response<lambda_http::Body>,
            Error = std::convert::Infallible,
        >,
    S::Future: Send + 'a,
{
    let request: LambdaRequest = serde_json::from_value(event).expect("an API Gateway event");
    let mut adapter = Adapter::from(handler);
    let response = adapter.call(LambdaEvent::new(request, context)).await;
    let Ok(response) = response;
    serde_json::to_value(response).expect("an answer")
}
