//! The hosted page of a session, `/c/pay/{id}`: what a buyer sees, without a script.

use http::{HeaderValue, Method, StatusCode, header};

use super::Stripe;
use super::checkout_sessions::{self, Session};
use super::error::Error;
use super::paying::{self, Payment};
use crate::http::{Request, Response, respond};

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 32rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; } .total { font-size: 2rem; margin: 0; }
table { width: 100%; border-collapse: collapse; } td { padding: .25rem 0; } td + td { text-align: right; }
label { display: block; margin-top: 1rem; } input { font: inherit; width: 100%; padding: .5rem; box-sizing: border-box; }
button { font: inherit; padding: .6rem 1rem; margin: 1rem .5rem 0 0; cursor: pointer; }
.error { border-left: .25rem solid #c00; padding: .5rem 1rem; } .fake { opacity: .7; font-size: .875rem; }
";

/// Answers a request for a page, where it is one.
pub(super) fn answer(stripe: &Stripe, request: &Request) -> Option<Response> {
    let id = request.uri().path().strip_prefix("/c/pay/")?;
    let now = stripe.clock.now().as_second();
    let mut state = stripe.lock();
    checkout_sessions::expire_old(&mut state, now);
    let mut error = None;
    let mut asked = false;
    if request.method() == Method::POST {
        let entered: Vec<(String, String)> = form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        let field = |name: &str| {
            // A button that has a value comes after the fields, and is what was pressed.
            let mut fields = entered.iter().rev();
            let found = fields.find(|(field, _)| field == name);
            found.map(|(_, value)| value.as_str())
        };
        let payment = Payment {
            card: field("card").unwrap_or_default(),
            confirm: field("confirm").map(|confirm| confirm == "yes"),
            promotion_code: field("promotion_code"),
        };
        error = paying::pay(&mut state, id, &payment, now).err();
        asked = error.is_none();
    }
    let response = match state.session(id) {
        Err(missing) => page("No such page", &escape(missing.message())),
        Ok(session) if asked && session.status == "complete" => see_other(&session.redirect()),
        Ok(session) if session.status == "complete" => {
            page("Already paid", "<p>This order is done.</p>")
        }
        Ok(session) if session.status == "expired" => {
            page("This page has ended", "<p>Go back and order again.</p>")
        }
        Ok(_) if asked => page("Confirm your payment", &confirmation(id)),
        Ok(session) => page("Pay", &order(session, error.as_ref())),
    };
    drop(state);
    stripe.stir();
    Some(response)
}

fn order(session: &Session, error: Option<&Error>) -> String {
    let amount = |cents: i64| {
        let currency = session.currency.to_uppercase();
        format!("{}.{:02} {currency}", cents / 100, cents % 100)
    };
    let lines = session.lines().iter().map(|line| {
        let cents = line.price.unit_amount * line.quantity;
        let (name, quantity) = (escape(&line.name), line.quantity);
        format!(
            "<tr><td>{quantity} × {name}</td><td>{}</td></tr>",
            amount(cents)
        )
    });
    let error = error.map_or_else(String::new, |error| {
        format!(
            r#"<p class="error" role="alert">{}</p>"#,
            escape(error.message())
        )
    });
    let promotion = if session.promotion_codes {
        r#"<label>Promotion code <input name="promotion_code" autocomplete="off"></label>"#
    } else {
        ""
    };
    let cancel = session
        .cancel_url
        .as_deref()
        .map_or_else(String::new, |url| {
            format!(
                r#"<p><a href="{}">Back without paying</a></p>"#,
                escape(url)
            )
        });
    let every = if session.mode == "subscription" {
        " every month"
    } else {
        ""
    };
    format!(
        r#"<p class="total">{total}{every}</p>
<table>{lines}</table>
{error}
<form method="post">
<label>Card number <input name="card" value="4242 4242 4242 4242" inputmode="numeric" autocomplete="off"></label>
{promotion}
<button>Pay</button><button name="card" value="delayed">Pay by delayed bank debit</button>
</form>
{cancel}
<p class="fake">Nothing is charged here. Cards: <code>4242 4242 4242 4242</code> pays,
<code>4000 0000 0000 0002</code> is declined, <code>4000 0025 0000 3155</code> asks for confirmation.</p>"#,
        total = amount(session.total()),
        lines = lines.collect::<String>(),
    )
}

fn confirmation(id: &str) -> String {
    format!(
        r#"<p>The bank wants to know whether it is you.</p>
<form method="post" action="/c/pay/{}">
<input type="hidden" name="card" value="4000002500003155">
<button name="confirm" value="yes">Complete</button><button name="confirm" value="no">Fail</button>
</form>"#,
        escape(id)
    )
}

fn page(title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title><style>{STYLE}</style></head>\n\
         <body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
    );
    let mut response = respond(StatusCode::OK, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'";
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn see_other(url: &str) -> Response {
    let mut response = respond(StatusCode::SEE_OTHER, "text/plain", String::new());
    if let Ok(url) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}

/// Text as HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
