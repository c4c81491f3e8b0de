//! The text for the person at the terminal: addresses to look at, and commands to paste.

use super::flow::{ACCOUNT, Flow};
use super::usage::USAGE;

/// Returns the addresses to look at, and commands to paste.
pub(super) fn text(flow: &Flow<'_>) -> String {
    let url = flow.gateway.url();
    let of = |name: &str| flow.environment.get(name).map_or("", String::as_str);
    let (stripe, langfuse) = (of("STRIPE_API_BASE"), of("LANGFUSE_HOST"));
    let dynamodb = of("AWS_ENDPOINT_URL_DYNAMODB");
    let origins = of("ALLOWED_ORIGINS").replace(',', " ");
    let state = |fake: bool| {
        if fake {
            "/_local/state"
        } else {
            " (the real one)"
        }
    };
    let page = if flow.gateway.has_page() {
        format!("{url}/")
    } else {
        "not built: `make web` builds it, with Node.js 20.19, or 22.12 or later".to_owned()
    };
    let listen = if flow.fakes.stripe {
        String::new()
    } else {
        format!(
            "\nWebhooks of the real Stripe: start again with STRIPE_WEBHOOK_SECRETS=<what this prints>\n\
             stripe listen --forward-to {url}/v1/webhooks/stripe\n"
        )
    };
    format!(
        r#"
Page       {page}
API        {url}/_local/health
origins    {origins}
DynamoDB   {dynamodb}/_local/state
Stripe     {stripe}{}
Langfuse   {langfuse}{}
operator   . {} && target/debug/sparks balance {ACCOUNT}

Record another usage:

TOKEN=$(curl -s {url}/_local/token -d '{{"account":"{ACCOUNT}"}}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
curl -s {url}/v1/usage -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%s)" \
  -H 'Content-Type: application/json' -d '{USAGE}'

Buy Sparks: open the `url` of the answer in a browser, and pay there.

curl -s {url}/v1/checkout -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: buy-$(date +%s)" \
  -H 'Content-Type: application/json' \
  -d '{{"item":"pack_500k","success_url":"{url}/paid","cancel_url":"{url}/"}}'
{listen}
Ctrl-C stops everything."#,
        state(flow.fakes.stripe),
        state(flow.fakes.langfuse),
        flow.environment_file.display(),
    )
}
