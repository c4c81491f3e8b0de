//! `openapi.yaml` matches the API: its routes, problems and schemas hold, and its examples are real.

mod clients;
mod examples;
mod payments;
mod reads;
mod schema;
mod subscriptions;

use std::collections::BTreeSet;
use std::path::Path;

use local::template::Template;
use regex_lite::Regex;
use schema::{Schema, Unlisted};
use serde_json::{Value, json};
use shared::edge::request::{MAX_BODY, MAX_USAGE_BODY, MAX_WEBHOOK_BODY};
use shared::pricing::catalog::{Kind, OFFERS};
use shared::usage::MAX_ITEMS;
use shared::words::meter::Meter;
use tests::{Answer, World};

struct OpenApi(Value);

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

impl OpenApi {
    fn read() -> Self {
        Self(serde_yaml_ng::from_str(&file("openapi.yaml")).expect("YAML"))
    }

    /// Resolves a pointer and the references there; returns the last pointer and its value.
    fn at(&self, pointer: &str) -> Option<(String, &Value)> {
        let found = self.0.pointer(pointer)?;
        match found["$ref"].as_str() {
            Some(reference) => self.at(reference.strip_prefix('#')?),
            None => Some((pointer.to_owned(), found)),
        }
    }

    fn schema<'a>(&'a self, schema: &'a Value, unlisted: Unlisted) -> Schema<'a> {
        Schema {
            document: &self.0,
            rules: schema,
            unlisted,
        }
    }

    /// Returns every media type, by its pointer.
    fn media_types(&self) -> Vec<(String, &Value)> {
        let mut found = Vec::new();
        collect(&self.0, "", &mut found);
        assert!(found.len() > 10, "there are media types");
        found
    }

    /// Returns the body of a request's example.
    fn request(&self, path: &str, example: &str) -> Value {
        let examples = "post/requestBody/content/application~1json/examples";
        let pointer = format!("/paths/{}/{examples}/{example}/value", escaped(path));
        self.0
            .pointer(&pointer)
            .unwrap_or_else(|| panic!("no value at {pointer}"))
            .clone()
    }

    /// Compares an answer with its schema and its example, if any; returns the example's pointer.
    fn check(
        &self,
        (method, path): (&str, &str),
        answer: &Answer,
        example: Option<&str>,
    ) -> Option<String> {
        let pointer = format!(
            "/paths/{}/{method}/responses/{}",
            escaped(path),
            answer.status
        );
        let (pointer, response) = self
            .at(&pointer)
            .unwrap_or_else(|| panic!("{pointer} is not documented"));
        let content_type = answer.headers["content-type"].to_str().expect("text");
        let media = &response["content"][content_type];
        let outcome = self
            .schema(&media["schema"], Unlisted::Refused)
            .check(&answer.body);
        assert_eq!(outcome, Ok(()), "{pointer} {content_type}: {}", answer.body);
        clients::assert_exact(self, answer);
        let documented = &media["examples"][example?]["value"];
        let (documented, answered) = (without_chance(documented), without_chance(&answer.body));
        assert_eq!(
            documented, answered,
            "{pointer} {example:?}: {}",
            answer.body
        );
        Some(format!(
            "{pointer}/content/{}/examples/{}",
            escaped(content_type),
            example?
        ))
    }
}

fn collect<'a>(value: &'a Value, pointer: &str, found: &mut Vec<(String, &'a Value)>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let pointer = format!("{pointer}/{}", escaped(name));
        if pointer.ends_with("/content/application~1json")
            || pointer.ends_with("/content/application~1problem+json")
        {
            found.push((pointer, member));
        } else {
            collect(member, &pointer, found);
        }
    }
}

/// Replaces the values in a body that differ from run to run.
fn without_chance(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| match name.as_str() {
                "recorded_at" | "occurred_at" | "as_of" | "expires_at" | "request_id"
                | "session_id" | "url" | "current_period_end" | "next_cursor" => {
                    (name.clone(), json!("[differs]"))
                }
                _ => (name.clone(), without_chance(member)),
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_chance).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_routes_match_the_template() {
    let openapi = OpenApi::read();
    let paths = openapi.0["paths"].as_object().unwrap();
    let documented: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, operations)| {
            operations
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    assert_eq!(
        documented,
        template
            .routes
            .iter()
            .map(local::template::Route::key)
            .collect()
    );
    // The document's one security requirement applies to all operations that do not override it.
    assert_eq!(openapi.0["security"], json!([{"token": []}]));
    for route in &template.routes {
        let method = route.method.to_lowercase();
        let open = openapi.0["paths"][&route.path][method].get("security") == Some(&json!([]));
        assert_eq!(route.authorizer.is_none(), open, "{}", route.key());
    }
}

#[test]
fn every_problem_has_a_documented_code_and_a_heading_on_its_page() {
    // The names of a problem's additional members are not codes.
    let source = [
        "problem.rs",
        "problem/payments.rs",
        "problem/requests.rs",
        "problem/subscriptions.rs",
    ];
    let source = source
        .map(|name| file(&format!("shared/src/edge/{name}")))
        .concat();
    let source = source.replace(".with(\"", ".with(");
    let code_and_title = Regex::new(r#""([a-z_]+)",\s*(?:"[A-Z][^"]*"|title\b)"#).unwrap();
    let built: BTreeSet<String> = code_and_title
        .captures_iter(&source)
        .map(|found| found[1].to_owned())
        .collect();
    assert!(built.len() > 10, "{built:?}");

    assert_eq!(
        names(&OpenApi::read().0["components"]["schemas"]["ProblemCode"]["enum"]),
        built
    );

    let page = file("docs/problems.md");
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: BTreeSet<String> = headings.map(|heading| heading.replace('-', "_")).collect();
    assert_eq!(anchors, built);
}

#[test]
fn limits_and_lists_match_the_code() {
    let openapi = OpenApi::read().0;
    let schemas = &openapi["components"]["schemas"];
    assert_eq!(openapi["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        schemas["BatchRequest"]["properties"]["items"]["maxItems"],
        MAX_ITEMS
    );
    assert_eq!(
        schemas["BatchReceipt"]["properties"]["results"]["maxItems"],
        MAX_ITEMS
    );
    assert_eq!(
        schemas["Count"]["maximum"],
        shared::words::meter::MAX_QUANTITY
    );
    let packs = OFFERS.iter().filter(|offer| offer.kind == Kind::Pack);
    let packs: BTreeSet<String> = packs.map(|pack| pack.item.to_owned()).collect();
    assert_eq!(names(&schemas["TopUpItems"]["items"]["enum"]), packs);
    let meters: BTreeSet<String> = Meter::ALL.iter().map(Meter::to_string).collect();
    let items: BTreeSet<String> = OFFERS.iter().map(|offer| offer.item.to_owned()).collect();
    let order = &schemas["CheckoutRequest"]["properties"];
    assert_eq!(names(&order["item"]["enum"]), items);
    assert_eq!(
        order["quantity"]["maximum"],
        shared::pricing::catalog::MAX_QUANTITY
    );
    assert_eq!(
        names(&schemas["ReceiptLines"]["items"]["properties"]["meter"]["enum"]),
        meters
    );
    let description = openapi["info"]["description"].as_str().unwrap();
    let description = description.replace('\n', " ");
    for (limit, printed) in [
        (MAX_USAGE_BODY, "6,291,456 bytes"),
        (MAX_WEBHOOK_BODY, "1,048,576 bytes"),
        (MAX_BODY, "65,536 bytes"),
    ] {
        assert_eq!(format!("{limit} bytes"), printed.replace(',', ""));
        assert!(description.contains(printed), "{printed}");
    }
}

#[test]
fn every_example_matches_its_schema() {
    let openapi = OpenApi::read();
    let mut checked = 0;
    for (pointer, media) in openapi.media_types() {
        for (name, example) in media["examples"].as_object().into_iter().flatten() {
            let outcome = openapi
                .schema(&media["schema"], Unlisted::Refused)
                .check(&example["value"]);
            assert_eq!(outcome, Ok(()), "{pointer} {name}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} examples");
}

#[tokio::test]
async fn the_schema_refuses_the_bodies_that_the_api_refuses() {
    let openapi = OpenApi::read();
    let world = World::start().await;
    world.grant("acct_1", "10000").await;
    let line = |line: Value| json!({ "usage": [line] });
    let compute = || json!({"meter": "compute", "milliseconds": 1});
    for (number, body) in [
        line(compute()),
        line(json!({"meter": "ai_tokens", "reasoning_tokens": 0})),
        line(json!({"meter": "storage", "gigabyte_hours": "0.000001"})),
        json!({"usage": vec![compute(); 20], "member_id": "a|b", "trace": {"metadata": {"k": "v"}}}),
        json!({"usage": [compute()], "account_id": null, "member_id": null, "occurred_at": null, "trace": null}),
        json!({"usage": [compute()], "trace": {"name": null, "session_id": null, "tags": null, "metadata": null, "input": null, "output": null}}),
        line(json!({"meter": "ai_tokens", "model": null, "input_tokens": null, "output_tokens": 1})),
        line(json!({"meter": "compute", "milliseconds": null})),
        line(json!({"meter": "storage", "gigabyte_hours": null})),
        json!({"usage": null}),
        json!({"usage": vec![compute(); 21]}),
        json!({"usage": []}),
        json!([]),
        json!({}),
        json!({"usage": [compute()], "surprise": 1}),
        json!({"usage": [compute()], "member_id": "a b+c#\u{e9}\n"}),
        json!({"usage": [compute()], "member_id": ""}),
        json!({"usage": [compute()], "member_id": 7}),
        json!({"usage": [compute()], "account_id": "acct#1"}),
        line(json!({"meter": "ai_tokens", "input_tokens": 1200.0})),
        line(json!({"meter": "ai_tokens", "input_tokens": 1e13})),
        json!({"usage": [compute()], "trace": {"tags": vec!["t"; 11]}}),
        json!({"usage": [compute()], "trace": {"metadata": {"k": 1}}}),
        json!({"usage": [compute()], "trace": {"name": "n".repeat(201)}}),
        line(json!({"meter": "gpu", "milliseconds": 1})),
        line(json!({"meter": "compute", "milliseconds": "1"})),
        line(json!({"meter": "compute", "milliseconds": 1, "model": "gpt-5"})),
        line(json!({"meter": "ai_tokens", "input_tokens": 1.5})),
        line(json!({"meter": "ai_tokens", "input_tokens": -1})),
        line(json!({"meter": "ai_tokens", "input_tokens": 1_000_000_000_001_u64})),
        line(json!({"meter": "storage", "gigabyte_hours": 0.25})),
        line(json!({"meter": "storage", "gigabyte_hours": "000.50"})),
        line(json!({"meter": "storage", "gigabyte_hours": "1000000000000.1"})),
        line(json!({"meter": "ai_tokens", "model": "", "input_tokens": 1})),
        line(json!({"meter": "ai_tokens", "model": "g".repeat(129), "input_tokens": 1})),
        line(json!({"meter": "ai_tokens", "model": "gpt-5\u{e9}", "input_tokens": 1})),
        json!({"usage": [compute()], "trace": {"metadata": {"k".repeat(41): "v"}}}),
        json!({"usage": [compute()], "trace": {"metadata": {"k".repeat(40): "v"}}}),
        line(json!({"meter": "storage", "gigabyte_hours": "0.0000001"})),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = world.record("acct_1", &format!("k{number}"), &body).await;
        openapi.check(("post", "/v1/usage"), &answer, None);
        let schema = &openapi.0["components"]["schemas"]["UsageRequest"];
        let of_schema = openapi.schema(schema, Unlisted::AsDocumented).check(&body);
        assert_eq!(of_schema.is_ok(), answer.status == 201, "{body}: {of_schema:?}, {}", answer.body);
    }
}

#[tokio::test]
async fn a_replay_carries_the_documented_header() {
    let openapi = OpenApi::read();
    let world = World::start().await;
    world.grant("acct_1", "10000").await;
    let body = openapi.request("/v1/usage", "chat");
    for replayed in [false, true] {
        let answer = world.record("acct_1", "chat-0001", &body).await;
        let header = answer
            .headers
            .get("idempotent-replayed")
            .map(|value| json!(value.to_str().unwrap()));
        let documented =
            &openapi.0["components"]["headers"]["Idempotent-Replayed"]["schema"]["const"];
        assert_eq!(header.as_ref(), replayed.then_some(documented));
    }
}
