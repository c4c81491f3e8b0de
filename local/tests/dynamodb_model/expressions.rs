//! Expressions for comparing the model with `dynoxide`: the ledger's, and random ones.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Attributes that the ledger writes, without those of the table's key.
const ATTRIBUTES: [&str; 18] = [
    "account",
    "attempts",
    "available",
    "claims",
    "debited",
    "gate_holder",
    "gate_until",
    "generation",
    "grants_version",
    "langfuse",
    "ledger_at",
    "models",
    "next_due",
    "pending_bucket",
    "pending_due",
    "seen_at",
    "stripe",
    "version",
];

/// The attributes that are mostly numbers.
const NUMBERS: [&str; 11] = [
    "attempts",
    "available",
    "claims",
    "debited",
    "gate_until",
    "generation",
    "grants_version",
    "next_due",
    "pending_due",
    "seen_at",
    "version",
];

/// Texts in use, few enough to be equal often.
const TEXTS: [&str; 6] = ["pending", "confirmed", "parked", "off", "a1", "a2"];

/// The conditions of the ledger.
const CONDITIONS: [&str; 36] = [
    "attribute_not_exists(pk)",
    "attribute_exists(pk)",
    "attribute_exists(pending_bucket)",
    "available >= :sum AND next_due > :now",
    "available >= :sum AND next_due > :now AND available < :ceiling",
    "langfuse = :langfuse_before AND stripe = :stripe_before AND attribute_not_exists(claims)",
    "langfuse = :langfuse_before AND stripe = :stripe_before AND claims = :claims",
    "langfuse = :langfuse AND stripe = :stripe AND claims = :claims_before",
    "attribute_not_exists(pk) OR leased_until < :now OR holder = :holder",
    "holder = :holder",
    "stripe = :parked",
    "stripe = :parked AND langfuse = :langfuse AND attribute_not_exists(claims)",
    "stripe = :pending AND attribute_exists(stripe_unsent) AND attribute_not_exists(parcel) AND claims = :claims_before",
    "stripe = :pending AND attempts = :attempts",
    "attribute_exists(pk) AND (attribute_not_exists(redriven_at) OR redriven_at <= :reported_at)",
    "account = :account",
    "attribute_exists(pk) AND #status <> :paid",
    "attribute_not_exists(pk) OR (attribute_not_exists(customer) AND generation = :generation)",
    "customer = :customer",
    "attribute_not_exists(pk) OR version = :version_before",
    "attribute_not_exists(pk) OR seen_at <= :seen_at",
    "seen_at = :seen_at",
    "debited = :debited AND next_due = :due_before AND grants_version = :version_before",
    "attribute_not_exists(models) OR size(models) <= :room OR (contains(models, :m0))",
    "attribute_not_exists(models) OR size(models) <= :room OR (contains(models, :m0) AND contains(models, :m1))",
    "sk = :customer OR (sk = :entry AND ((recorded_at >= :from AND recorded_at < :before) OR (occurred_at >= :from AND occurred_at < :before)))",
    "sk = :account OR sk = :entry AND (attribute_not_exists(account) OR attribute_not_exists(ledger_at))",
    "attribute_not_exists(dismissed)",
    "attribute_exists(pk) AND (attribute_not_exists(gate_until) OR gate_until <= :now OR gate_holder = :holder)",
    "gate_holder = :holder AND grants_version = :version",
    "grants_version = :version_before",
    "reversals = :noted",
    "attribute_exists(pk) AND attribute_not_exists(reversals)",
    "attribute_not_exists(pending_due) OR pending_due < :due",
    "attribute_exists(pk) OR attribute_not_exists(pk)",
    "debited = :debited AND available = :available AND grants_version = :version",
];

/// The updates of the ledger.
const UPDATES: [&str; 37] = [
    "SET available = available - :sum, debited = debited + :sum",
    "SET holder = :holder, leased_until = :until",
    "SET leased_until = :zero",
    "SET claims = :claims, claimed_at = :now REMOVE stripe_unsent",
    "SET claims = :claims, claimed_at = :now, traced_at = :now REMOVE langfuse_unsent, stripe_unsent",
    "SET pending_due = :due",
    "SET langfuse = :langfuse, stripe = :stripe, stripe_unsent = :stripe_why, pending_due = :due",
    "SET stripe = :stripe, stripe_parked = :stripe_why, pending_bucket = :parked, pending_due = :recorded_at",
    "SET langfuse = :langfuse, stripe = :stripe REMOVE pending_bucket, pending_due",
    "REMOVE pending_bucket, pending_due",
    "ADD #s0 :s0, #q0 :q0",
    "ADD #s0 :s0, #q0 :q0, #s1 :s1, #q1 :q1, models :models",
    "SET absent_at = :now",
    "SET stripe = :confirmed REMOVE parked, absent_at, reported_at",
    "SET stripe = :confirmed REMOVE stripe_parked, absent_at, reported_at, pending_bucket, pending_due",
    "SET stripe = :pending, pending_bucket = :bucket, pending_due = :now, redriven_at = :now REMOVE parked, absent_at, reported_at",
    "SET pending_bucket = :bucket, pending_due = :now, langfuse = :pending, langfuse_unsent = :refused REMOVE langfuse_parked",
    "SET parcel = :parcel, claims = :claims, claimed_at = :now, pending_due = :due REMOVE stripe_unsent",
    "SET stripe = :state, attempts = attempts + :one REMOVE pending_bucket, pending_due",
    "SET pending_due = :due, attempts = attempts + :one",
    "SET reported_at = :reported_at",
    "SET invoice = :invoice",
    "SET #session = :session",
    "SET #status = :status , pending_bucket = :bucket, pending_due = if_not_exists(pending_due, :since)",
    "SET #status = :paid REMOVE pending_bucket, pending_due",
    "SET customer = :customer, generation = :generation",
    "ADD generation :one REMOVE customer",
    "SET subscriptions = :subscriptions, as_of = :as_of, version = :version, pending_bucket = :bucket, pending_due = :due",
    "SET subject = :subject, code = :code, detail = :detail, account_seen = :account, seen_at = :seen_at REMOVE dismissed",
    "SET dismissed = :dismissed",
    "SET available = :available, debited = :debited_after, settled = :settled, next_due = :next_due, grants_version = :grants_version, free_plan = :free_plan, free_due = :free_due REMOVE gate_until, gate_holder, grants",
    "SET available = :available, debited = :debited_after, settled = :settled, next_due = :next_due, grants_version = :grants_version, free_plan = :free_plan, free_due = :free_due , grants = :grants REMOVE gate_until, gate_holder",
    "SET next_due = :zero, gate_until = :until, gate_holder = :holder",
    "SET next_due = :next_due REMOVE gate_until, gate_holder",
    "SET reversals = :reversals",
    "SET pending_bucket = :bucket, pending_due = :due",
    "SET debited = :debited",
];

/// Placeholders of numbers.
const NUMBER_VALUES: &str = "sum now ceiling claims claims_before attempts reported generation version_before seen_at \
    debited due_before room from before until zero due recorded_at s0 q0 s1 q1 one since as_of version available settled \
    next_due grants_version debited_after free_due reported_at n lo hi";

pub(crate) fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

/// Returns an attribute's name.
pub(crate) fn attribute(rng: &mut Rng) -> &'static str {
    pick(rng, &ATTRIBUTES)
}

/// Returns whether an attribute is mostly a number.
pub(crate) fn is_number(name: &str) -> bool {
    NUMBERS.contains(&name)
}

pub(crate) fn number(rng: &mut Rng) -> Value {
    let text = match rng.u8(..12) {
        0 => "1000000000000000000".to_owned(),
        1 => "-0".to_owned(),
        2 => "007".to_owned(),
        3 => "100".to_owned(),
        4 => "1.5".to_owned(),
        5 => "-0.250".to_owned(),
        _ => rng.i32(-2..6).to_string(),
    };
    json!({ "N": text })
}

pub(crate) fn text(rng: &mut Rng) -> Value {
    json!({"S": pick(rng, &TEXTS)})
}

pub(crate) fn set(rng: &mut Rng) -> Value {
    let mut texts: Vec<&str> = TEXTS.into_iter().filter(|_| rng.bool()).collect();
    texts.push("haiku");
    rng.shuffle(&mut texts);
    json!({ "SS": texts })
}

/// Returns a value of the type that an attribute mostly has.
pub(crate) fn value_of(name: &str, rng: &mut Rng) -> Value {
    match name {
        _ if rng.u8(..40) == 0 => match rng.u8(..3) {
            0 => number(rng),
            1 => set(rng),
            _ => text(rng),
        },
        "models" => set(rng),
        "pending_bucket" => json!({"S": pick(rng, &["P#01", "K#01", "P#02"])}),
        "ledger_at" => {
            json!({"S": format!("2026-11-2{}T20:15:00.000Z#{}", rng.u8(1..4), rng.u8(..3))})
        }
        name if is_number(name) => number(rng),
        _ => text(rng),
    }
}

/// Returns a condition, mostly one of the ledger's.
pub(crate) fn condition(rng: &mut Rng) -> String {
    if rng.u8(..3) > 0 {
        return pick(rng, &CONDITIONS).to_owned();
    }
    made_condition(rng, 2)
}

fn made_condition(rng: &mut Rng, depth: u8) -> String {
    if depth > 0 && rng.bool() {
        let one = made_condition(rng, depth - 1);
        return match rng.u8(..5) {
            0 => format!("NOT {one}"),
            1 => format!("({one}) AND NOT ({})", made_condition(rng, depth - 1)),
            2 => format!("({one} OR {})", made_condition(rng, depth - 1)),
            3 => format!("{one} or {}", made_condition(rng, depth - 1)),
            _ => format!("{one} AND {}", made_condition(rng, depth - 1)),
        };
    }
    let (one, other) = (attribute(rng), attribute(rng));
    let sign = pick(rng, &["=", "<>", "<", "<=", ">", ">="]);
    match rng.u8(..11) {
        0 => format!("attribute_exists({one})"),
        1 => format!("attribute_not_exists({one})"),
        2 => format!("begins_with({one}, :start)"),
        3 => format!("contains({one}, :v0)"),
        4 => format!("size({one}) {sign} :n"),
        5 => format!("{one} BETWEEN :lo AND :hi"),
        6 => format!("{one} IN (:v0, :v1, {other})"),
        7 => format!("{one} {sign} {other}"),
        8 => format!("#name {sign} :v1"),
        9 => format!(":n {sign} {one}"),
        _ => format!("{one} {sign} :v0"),
    }
}

/// Returns an update, mostly one of the ledger's, and never of the key.
pub(crate) fn update(rng: &mut Rng) -> String {
    if rng.u8(..3) > 0 {
        return pick(rng, &UPDATES).to_owned();
    }
    let mut sections = Vec::new();
    if rng.u8(..4) > 0 {
        let sets: Vec<String> = (0..rng.u8(1..4)).map(|_| set_action(rng)).collect();
        sections.push(format!("SET {}", sets.join(", ")));
    }
    if rng.u8(..3) == 0 {
        sections.push(format!("REMOVE {}, {}", attribute(rng), attribute(rng)));
    }
    if sections.is_empty() || rng.u8(..3) == 0 {
        sections.push(match rng.u8(..3) {
            0 => "ADD models :models".to_owned(),
            1 => format!("ADD {} :n", attribute(rng)),
            _ => format!("add {} :n, #name :models", pick(rng, &NUMBERS)),
        });
    }
    rng.shuffle(&mut sections);
    sections.join(" ")
}

fn set_action(rng: &mut Rng) -> String {
    let (one, other) = (attribute(rng), attribute(rng));
    let (sign, sum) = (pick(rng, &["+", "-"]), pick(rng, &NUMBERS));
    match rng.u8(..7) {
        0 => format!("{one} = {other}"),
        1 => format!("{sum} = {sum} {sign} :n"),
        2 => format!("{one} = if_not_exists({one}, :v0)"),
        3 => format!("{sum} = if_not_exists({sum}, :zero) {sign} :n"),
        4 => format!("{sum} = :n {sign} {other}"),
        5 => "#name = :v0".to_owned(),
        _ => format!("{one} = :v1"),
    }
}

/// Defines the placeholders of a request's expressions, sometimes one too few or too many.
pub(crate) fn define(request: &mut Value, expressions: &[&str], rng: &mut Rng) {
    define_all(request, expressions, rng);
    let (member, name) = match rng.u8(..60) {
        0 => ("ExpressionAttributeValues", ":unused"),
        1 => ("ExpressionAttributeNames", "#unused"),
        2 => ("ExpressionAttributeValues", ":n"),
        3 => ("ExpressionAttributeValues", ":now"),
        _ => return,
    };
    let known = request.get_mut(member).and_then(Value::as_object_mut);
    let Some(known) = known.filter(|known| known.len() > 1) else {
        return;
    };
    if known.remove(name).is_none() {
        let unused = if name.starts_with('#') {
            "stripe".into()
        } else {
            number(rng)
        };
        known.insert(name.to_owned(), unused);
    }
}

/// Defines the placeholders of a request's expressions.
pub(crate) fn define_all(request: &mut Value, expressions: &[&str], rng: &mut Rng) {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || "_:#".contains(letter);
    let all = expressions.join(" ");
    let words = all.split(|letter| !is_of_word(letter));
    let (mut names, mut values) = (Map::new(), Map::new());
    for word in words {
        if let Some(name) = word.strip_prefix('#') {
            names.insert(word.to_owned(), named(name, rng).into());
        } else if let Some(name) = word.strip_prefix(':') {
            values.insert(word.to_owned(), meant(name, rng));
        }
    }
    if !names.is_empty() {
        request["ExpressionAttributeNames"] = names.into();
    }
    if !values.is_empty() {
        request["ExpressionAttributeValues"] = values.into();
    }
}

fn named(name: &str, rng: &mut Rng) -> String {
    match name {
        "s0" => "sparks#ai_tokens".to_owned(),
        "q0" => "quantity#ai_tokens".to_owned(),
        "s1" => "sparks#ai_tokens#haiku".to_owned(),
        "q1" => "quantity#ai_tokens#haiku".to_owned(),
        "name" => attribute(rng).to_owned(),
        other => other.to_owned(),
    }
}

fn meant(name: &str, rng: &mut Rng) -> Value {
    match name {
        "start" => json!({"S": pick(rng, &["p", "pa", "2026-11-2", "P#"])}),
        "lo" => json!({"N": rng.i32(-1..2).to_string()}),
        "hi" => json!({"N": rng.i32(2..5).to_string()}),
        "v0" | "v1" => value_of(attribute(rng), rng),
        "models" => set(rng),
        "bucket" => value_of("pending_bucket", rng),
        "entry" => json!({"S": "E"}),
        "n" => number(rng),
        name if NUMBER_VALUES.split_whitespace().any(|known| known == name) => {
            value_of("claims", rng)
        }
        _ => value_of("stripe", rng),
    }
}
