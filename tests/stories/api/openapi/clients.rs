//! Schema shapes that make generated clients lose fields or fail. The document therefore avoids them.
//!
//! `make proof-clients` generates clients and uses them; these tests hold the document to its findings.

use serde_json::{Value, json};
use tests::{Answer, World};

use super::{OpenApi, Unlisted};

/// The statuses that API Gateway also returns, with a body of its own.
const OF_BOTH: [&str; 5] = ["401", "404", "413", "500", "503"];

const FAILURE: &str = "#/components/schemas/Failure";

/// Returns every object of the document that combines schemas, by its pointer.
fn alternatives(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), document)];
    while let Some((pointer, value)) = open.pop() {
        let combined = ["anyOf", "oneOf", "allOf"].iter();
        if combined.clone().any(|name| value.get(name).is_some()) {
            found.push((pointer.clone(), value));
        }
        let members = value.as_object().into_iter().flatten();
        open.extend(members.map(|(name, member)| (format!("{pointer}/{name}"), member)));
        let items = value.as_array().into_iter().flatten().enumerate();
        open.extend(items.map(|(index, item)| (format!("{pointer}/{index}"), item)));
    }
    assert!(found.len() > 3, "there are alternatives");
    found
}

/// Asserts that a body has the schema of its media type. The document allows either schema for both.
pub(super) fn assert_exact(openapi: &OpenApi, answer: &Answer) {
    if answer.status < 400 {
        return;
    }
    let problem = answer.headers["content-type"] == "application/problem+json";
    let schema = match (problem, answer.body["code"].as_str()) {
        (true, Some("insufficient_sparks")) => "InsufficientSparks",
        (true, _) => "Problem",
        (false, _) => "Message",
    };
    let schema = &openapi.0["components"]["schemas"][schema];
    let outcome = openapi
        .schema(schema, Unlisted::Refused)
        .check(&answer.body);
    assert_eq!(outcome, Ok(()), "{}", answer.body);
}

#[test]
fn a_nullable_scalar_has_a_list_of_types() {
    let openapi = OpenApi::read();
    let mut nullable = 0;
    for (pointer, schema) in alternatives(&openapi.0) {
        let of = |name: &str| schema[name].as_array().cloned().unwrap_or_default();
        let listed = [of("anyOf"), of("oneOf")].concat();
        if !listed.contains(&json!({"type": "null"})) {
            continue;
        }
        nullable += 1;
        for other in listed.iter().filter(|other| other["type"] != "null") {
            let target = other["$ref"]
                .as_str()
                .and_then(|name| name.strip_prefix('#'));
            let target = target.and_then(|target| openapi.0.pointer(target));
            let target = target.unwrap_or(other);
            let scalar = target["type"] != "object" && target.get("enum").is_none();
            assert!(!scalar, "{pointer}: `type` must list `null`");
        }
    }
    assert!(nullable > 2, "{nullable} schemas may be null");
}

#[test]
fn a_schema_with_alternatives_has_no_members_of_its_own() {
    let openapi = OpenApi::read();
    for (pointer, schema) in alternatives(&openapi.0) {
        for beside in ["properties", "type", "enum"] {
            assert_eq!(schema.get(beside), None, "{pointer}");
        }
    }
}

#[test]
fn an_optional_scalar_has_the_rules_of_the_required_one() {
    let schemas = &OpenApi::read().0["components"]["schemas"];
    for (optional, name) in [
        ("OptionalAccountId", "AccountId"),
        ("OptionalMemberId", "MemberId"),
        ("OptionalTime", "Time"),
        ("OptionalCount", "Count"),
    ] {
        for keyword in ["pattern", "format", "minimum", "maximum"] {
            assert_eq!(
                schemas[optional][keyword], schemas[name][keyword],
                "{optional}"
            );
        }
        let types = json!([schemas[name]["type"], "null"]);
        assert_eq!(schemas[optional]["type"], types, "{optional}");
    }
}

#[test]
fn one_schema_covers_the_errors_of_the_gateway_and_of_the_functions() {
    let openapi = OpenApi::read();
    let paths = openapi.0["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| format!("/paths/{}/{method}/responses", super::escaped(path)))
    });
    let mut shared = 0;
    for responses in operations {
        let documented = openapi.0.pointer(&responses).unwrap();
        for status in OF_BOTH {
            if documented.get(status).is_none() {
                continue;
            }
            shared += 1;
            let (pointer, response) = openapi.at(&format!("{responses}/{status}")).unwrap();
            for media in ["application/json", "application/problem+json"] {
                let schema = &response["content"][media]["schema"];
                assert_eq!(schema, &json!({"$ref": FAILURE}), "{pointer} {media}");
            }
        }
        for status in ["429", "500", "503"] {
            assert!(documented.get(status).is_some(), "{responses}/{status}");
        }
    }
    assert!(shared > 40, "{shared} responses are of both");
}

#[tokio::test]
async fn a_line_without_token_counts_is_refused_although_the_schema_allows_it() {
    let openapi = OpenApi::read();
    let world = World::start().await;
    for line in [
        json!({"meter": "ai_tokens"}),
        json!({"meter": "ai_tokens", "input_tokens": null, "output_tokens": null}),
    ] {
        let body = json!({"usage": [line]});
        let answer = world.record("acct_1", "k", &body).await;
        openapi.check(("post", "/v1/usage"), &answer, None);
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.body["code"], "invalid_request");
        assert_eq!(answer.body["field"], "usage[0].input_tokens");
        let schema = &openapi.0["components"]["schemas"]["UsageRequest"];
        let of_schema = openapi.schema(schema, Unlisted::AsDocumented).check(&body);
        assert_eq!(of_schema, Ok(()));
    }
}
