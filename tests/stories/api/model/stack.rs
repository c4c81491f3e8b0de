//! Runs each step against the running stack and compares the responses with the book.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};
use tests::model::{PACKS, Usage, parse, print};
use tests::{Answer, CARD, World, session_id};

use super::book::{Book, Expected, Step};
use super::{ACCOUNT, REFUSED};

/// The running stack and the ids it assigned.
#[derive(Default)]
pub(super) struct Stack {
    world: Option<World>,
    /// The API's first address, which stays the only allowed origin.
    origin: String,
    usages: BTreeMap<u8, String>,
    grants: BTreeMap<u8, String>,
    pages: BTreeMap<u8, String>,
}

fn sparks(milli: i64) -> Value {
    print(milli).into()
}

/// Parses an amount of a response as milli-Sparks.
fn milli(amount: &Value) -> i64 {
    parse(amount.as_str().unwrap()).unwrap()
}

/// Returns the packs that each cover the missing milli-Sparks.
fn top_up(missing: i64) -> Value {
    let enough = PACKS.iter().filter(|(_, milli)| *milli >= missing);
    enough.map(|(item, _)| *item).collect()
}

/// Asserts that the book expects this response to a usage, or result in a batch.
fn assert_recorded(expected: &Expected, status: &Value, replayed: bool, body: &Value) {
    match expected {
        Expected::Recorded {
            milli,
            replayed: again,
            ..
        } => {
            assert_eq!((status, replayed), (&json!(201), *again), "{body}");
            assert_eq!(body["sparks"], sparks(*milli));
            let lines = body["lines"].as_array().unwrap().iter();
            let sum: i64 = lines.map(|line| self::milli(&line["sparks"])).sum();
            assert_eq!(sum, *milli, "{body}");
        }
        Expected::Insufficient {
            required,
            available,
        } => {
            assert_eq!(
                (status, &body["code"]),
                (&json!(402), &json!("insufficient_sparks"))
            );
            assert_eq!(body["required"], sparks(*required));
            assert_eq!(body["available"], sparks(*available));
            assert_eq!(body["top_up_items"], top_up(required - available));
        }
        Expected::KeyReused => {
            assert_eq!(
                (status, &body["code"]),
                (&json!(422), &json!("idempotency_key_reused"))
            );
        }
        other => panic!("unexpected {other:?}: {body}"),
    }
}

impl Stack {
    pub(super) fn of(world: World) -> Self {
        Self {
            origin: world.origin(),
            world: Some(world),
            ..Self::default()
        }
    }

    pub(super) fn world(&self) -> &World {
        self.world.as_ref().unwrap()
    }

    async fn post(&self, path: &str, key: &str, body: &str) -> Answer {
        let token = self.world().token(ACCOUNT);
        self.world()
            .post(path, Some(&token), Some(key), body.to_owned())
            .await
    }

    async fn get(&self, path: &str) -> Value {
        let token = self.world().token(ACCOUNT);
        let answer = self.world().get(path, Some(&token)).await;
        answer.expect(StatusCode::OK).body
    }

    /// Remembers the id of a usage and asserts that it never changes.
    fn remember(&mut self, key: u8, body: &Value) {
        if let Some(id) = body["usage_id"].as_str() {
            let known = self.usages.entry(key).or_insert_with(|| id.to_owned());
            assert_eq!(known, id);
        }
    }

    async fn record(&mut self, key: u8, usage: Usage, expected: &Expected) {
        let answer = self
            .world()
            .record(ACCOUNT, &format!("u{key}"), &usage.body())
            .await;
        let (status, replayed) = (json!(answer.status), answer.is_replay());
        assert_recorded(expected, &status, replayed, &answer.body);
        if let Expected::Recorded { available, .. } = expected {
            assert_eq!(answer.body["balance"]["available"], sparks(*available));
        }
        self.remember(key, &answer.body);
    }

    async fn record_batch(&mut self, usages: &[(u8, Usage)], expected: &[Expected]) {
        let items = usages.iter().map(|(key, usage)| {
            let mut item = usage.body();
            item["idempotency_key"] = format!("u{key}").into();
            item
        });
        let items: Vec<Value> = items.collect();
        let answer = self.world().record_batch(ACCOUNT, &items).await;
        let body = answer.expect(StatusCode::OK).body;
        let results = body["results"].as_array().unwrap();
        assert_eq!(results.len(), usages.len());
        for (((key, _), expected), result) in usages.iter().zip(expected).zip(results) {
            assert_eq!(result["idempotency_key"], format!("u{key}"));
            let replayed = result["replayed"] == true;
            assert_recorded(expected, &result["status"], replayed, result);
            self.remember(*key, result);
        }
    }

    async fn estimate(&self, usage: Usage, milli: i64, available: i64) {
        let usage = usage.body().to_string();
        let answer = self.post("/v1/estimate", "any", &usage).await;
        let body = answer.expect(StatusCode::OK).body;
        assert_eq!(body["sparks"], sparks(milli));
        assert_eq!(body["available"], sparks(available));
        assert_eq!(body["sufficient"], json!(milli <= available));
    }

    async fn grant(&mut self, key: u8, amount: i64, is_granted: bool) {
        let (key_text, amount) = (format!("g{key}"), amount.to_string());
        let granted = self
            .world()
            .sparks(&[
                "grant", ACCOUNT, &amount, "--reason", "r", "--key", &key_text, "--json",
            ])
            .await;
        assert_eq!(granted.is_ok(), is_granted, "{granted:?}");
        if let Ok(granted) = granted {
            let granted: Value = serde_json::from_str(&granted).unwrap();
            let id = granted["id"].as_str().unwrap().to_owned();
            self.grants.insert(key, id);
        }
    }

    async fn reverse(&self, id: &str) {
        let reversed = self.world().sparks(&["reverse", id, "--reason", "r"]).await;
        reversed.unwrap();
    }

    async fn order(&mut self, key: u8, pack: usize, quantity: u8, expected: &Expected) {
        let order = json!({
            "item": PACKS[pack].0, "quantity": quantity, "success_url": format!("{}/paid", self.origin),
            "cancel_url": self.origin,
        });
        let answer = self
            .world()
            .checkout(ACCOUNT, &format!("o{key}"), &order)
            .await;
        let Expected::Page { replayed, open } = expected else {
            assert_eq!(answer.refusal(), (422, "idempotency_key_reused"));
            return;
        };
        assert_eq!(
            (answer.status, answer.is_replay()),
            (201, *replayed),
            "{answer:?}"
        );
        assert_eq!(answer.body["url"].is_string(), *open, "{answer:?}");
        let page = session_id(&answer);
        let known = self.pages.entry(key).or_insert_with(|| page.clone());
        assert_eq!(*known, page);
    }

    async fn pay(&self, key: u8, is_good: bool) {
        let card = if is_good { CARD } else { "4000000000000002" };
        let answer = self.world().pay(&self.pages[&key], card).await;
        assert_eq!(answer.status == 200, is_good, "{answer:?}");
    }

    async fn verify(&self, key: u8, book: &Book, paid: bool, credited: i64) {
        let page = &self.pages[&key];
        let answer = self.world().verify(ACCOUNT, page).await;
        let body = answer.expect(StatusCode::OK).body;
        let status = if paid { "paid" } else { "unpaid" };
        let item = PACKS[book.orders[&key].pack].0;
        assert_eq!(
            body,
            json!({
                "session_id": page, "status": status, "item": item, "sparks_credited": sparks(credited),
                "balance": {"available": sparks(book.account.available())},
            })
        );
    }

    async fn webhook(&self, key: u8) {
        let page = &self.pages[&key];
        let event = json!({
            "id": format!("evt_{page}"), "object": "event", "type": "checkout.session.completed",
            "livemode": false, "data": {"object": {"id": page, "object": "checkout.session"}},
        });
        self.world()
            .signed_webhook(&event)
            .await
            .expect(StatusCode::OK);
    }

    async fn refused(&self, (path, body, status, code, field): (&str, &str, u16, &str, &str)) {
        let body = body.replace("https://app.local", &self.origin);
        let answer = self.post(path, "refused", &body).await;
        assert_eq!(answer.refusal(), (status, code), "{answer:?}");
        assert_eq!(answer.body["field"].as_str().unwrap_or_default(), field);
    }

    /// Returns the kind and amount of each entry, newest first, over all pages.
    async fn ledger(&self, limit: usize) -> Vec<(String, Value)> {
        let (mut entries, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/v1/ledger?limit={limit}{cursor}")).await;
            let found = page["entries"].as_array().unwrap();
            assert!(found.len() <= limit, "{page}");
            let kind = |entry: &Value| entry["kind"].as_str().unwrap().to_owned();
            entries.extend(
                found
                    .iter()
                    .map(|entry| (kind(entry), entry["amount"].clone())),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return entries,
            }
        }
    }

    pub(super) async fn read_ledger(&self, limit: usize, book: &Book) {
        let mut told = self.ledger(limit).await;
        let kept = book.account.entries().iter();
        let mut kept: Vec<(String, Value)> = kept
            .map(|(kind, milli)| ((*kind).to_owned(), sparks(*milli)))
            .collect();
        for entries in [&mut told, &mut kept] {
            entries.sort_by_key(|entry| format!("{entry:?}"));
        }
        assert_eq!(told, kept);
    }

    pub(super) async fn read_usage(&self, book: &Book) {
        let path = "/v1/usage?from=2026-11-22&to=2027-02-20&granularity=month";
        let told = self.get(path).await;
        let rows = told["rows"].as_array().unwrap();
        let quantity = |meter: &str| -> u64 {
            let of_it = rows.iter().filter(|row| row["meter"] == meter);
            of_it.map(|row| row["quantity"].as_u64().unwrap()).sum()
        };
        let used = book.usages.values().map(|recorded| recorded.usage);
        assert_eq!(
            quantity("ai_tokens"),
            used.clone().map(|usage| usage.tokens).sum::<u64>()
        );
        assert_eq!(
            quantity("compute"),
            used.map(|usage| usage.milliseconds).sum::<u64>()
        );
        let spent = book
            .account
            .entries()
            .iter()
            .filter(|(kind, _)| *kind == "usage");
        let told: i64 = rows.iter().map(|row| milli(&row["sparks"])).sum();
        assert_eq!(told, -spent.map(|(_, milli)| milli).sum::<i64>());
    }

    /// Compares the balance and the remainder of each grant.
    async fn read_balance(&self, book: &Book) {
        let told = self.get("/v1/balance").await;
        assert_eq!(told["available"], sparks(book.account.available()));
        let told = told["grants"].as_array().unwrap().iter();
        let mut told: Vec<Value> = told.map(|grant| grant["remaining"].clone()).collect();
        let mut kept: Vec<Value> = Vec::new();
        kept.extend(book.account.left().iter().map(|grant| sparks(grant.milli)));
        for grants in [&mut told, &mut kept] {
            grants.sort_by_key(Value::to_string);
        }
        assert_eq!(told, kept);
    }

    async fn wait(&mut self, hours: i64) {
        let world = self.world.take().unwrap();
        self.world = Some(world.later(jiff::SignedDuration::from_hours(hours)).await);
    }

    pub(super) async fn step(&mut self, book: &Book, step: &Step) {
        match (step, &book.expected) {
            (Step::Record(key, usage), expected) => self.record(*key, *usage, expected).await,
            (Step::RecordBatch(usages), Expected::Batch(expected)) => {
                self.record_batch(usages, expected).await;
            }
            (Step::Estimate(usage), Expected::Estimate { milli, available }) => {
                self.estimate(*usage, *milli, *available).await;
            }
            (Step::Grant(key, amount), Expected::Granted(granted)) => {
                self.grant(*key, *amount, *granted).await;
            }
            (Step::GiveBack(key), _) => self.reverse(&self.usages[key]).await,
            (Step::TakeBack(key), _) => self.reverse(&self.grants[key]).await,
            (Step::Order(key, pack, quantity), expected) => {
                self.order(*key, *pack, *quantity, expected).await;
            }
            (Step::Pay(key, is_good), _) => self.pay(*key, *is_good).await,
            (Step::Verify(key), Expected::Payment { paid, credited }) => {
                self.verify(*key, book, *paid, *credited).await;
            }
            (Step::Webhook(key), _) => self.webhook(*key).await,
            (Step::VerifyAsAnother(key), _) => {
                let answer = self.world().verify("acct_b", &self.pages[key]).await;
                assert_eq!(answer.refusal(), (404, "session_not_found"));
            }
            (Step::Refused(number), _) => self.refused(REFUSED[*number]).await,
            (Step::ReadLedger(limit), _) => self.read_ledger(*limit, book).await,
            (Step::ReadUsage, _) => self.read_usage(book).await,
            (Step::Wait(hours), _) => self.wait(*hours).await,
            (step, expected) => panic!("{step:?} cannot expect {expected:?}"),
        }
        self.read_balance(book).await;
    }
}
