//! The hosted page of a Checkout Session, `/c/pay/{id}`, without a script.

use http::{Method, StatusCode};

use super::account::Stripe;
use crate::http::{Request, Response};
use crate::stripe::billing::{self, Payment};
use crate::stripe::objects::Session;
use crate::stripe::wire::Error;
use crate::stripe::wire::html::{self, Entered, alert, escape, see_other};

/// Handles a request for a page; None if it is not one.
pub(crate) fn answer(stripe: &Stripe, request: &Request) -> Option<Response> {
    let id = request.uri().path().strip_prefix("/c/pay/")?;
    let now = stripe.now();
    let mut state = stripe.lock();
    billing::expire_old(&mut state, now);
    let mut error = None;
    let mut asked = false;
    if request.method() == Method::POST {
        let entered = Entered::read(request.body());
        let payment = Payment {
            card: entered.field("card").unwrap_or_default(),
            confirm: entered.field("confirm").map(|confirm| confirm == "yes"),
            promotion_code: entered.field("promotion_code"),
        };
        error = billing::pay(&mut state, id, &payment, now).err();
        asked = error.is_none();
    }
    let response = match state.session(id) {
        Err(missing) => shown("No such page", &escape(missing.message())),
        Ok(session) if asked && session.status == "complete" => see_other(&session.redirect()),
        Ok(session) if session.status == "complete" => {
            shown("Already paid", "<p>This order is complete.</p>")
        }
        Ok(session) if session.status == "expired" => {
            shown("This page has expired", "<p>Go back and order again.</p>")
        }
        Ok(_) if asked => shown("Confirm your payment", &confirmation(id)),
        Ok(session) => shown("Pay", &order(session, error.as_ref())),
    };
    drop(state);
    stripe.stir();
    Some(response)
}

fn order(session: &Session, error: Option<&Error>) -> String {
    let amount = |cents: i64| html::amount(cents, &session.currency);
    let lines = session.lines.iter().map(|line| {
        let cents = line.price.unit_amount * line.quantity;
        let (name, quantity) = (escape(&line.name), line.quantity);
        format!(
            "<tr><td>{quantity} × {name}</td><td>{}</td></tr>",
            amount(cents)
        )
    });
    let error = alert(error);
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
<code>4000 0000 0000 0002</code> is declined, <code>4000 0025 0000 3155</code> needs confirmation.</p>"#,
        total = amount(session.total()),
        lines = lines.collect::<String>(),
    )
}

fn confirmation(id: &str) -> String {
    format!(
        r#"<p>Your bank asks you to confirm this payment.</p>
<form method="post" action="/c/pay/{}">
<input type="hidden" name="card" value="4000002500003155">
<button name="confirm" value="yes">Complete</button><button name="confirm" value="no">Fail</button>
</form>"#,
        escape(id)
    )
}

fn shown(title: &str, body: &str) -> Response {
    html::page(StatusCode::OK, title, body)
}
