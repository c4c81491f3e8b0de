//! `CloudFormation` and `make dev` refuse bad settings before anything starts.

use std::collections::BTreeMap;

use local::dev::Options;
use regex_lite::Regex;
use serde_yaml_ng::Value;
use shared::words::return_url::AllowedOrigins;

/// Returns whether `CloudFormation` accepts this value for a parameter of the template.
fn takes(template: &Value, parameter: &str, value: &str) -> bool {
    let rules = &template["Parameters"][parameter];
    assert!(rules["Type"].is_string(), "there is no {parameter}");
    // A pattern has to match the whole value.
    let fits = rules["AllowedPattern"].as_str().is_none_or(|pattern| {
        let whole = Regex::new(&format!("^(?:{pattern})$")).expect("a pattern");
        whole.is_match(value)
    });
    let allowed = rules["AllowedValues"].as_sequence();
    fits && allowed
        .is_none_or(|values| values.iter().any(|allowed| allowed.as_str() == Some(value)))
}

#[test]
fn a_parameter_that_the_functions_would_refuse_stops_the_deployment() {
    let template = include_str!("../../../template.yaml");
    let template: Value = serde_yaml_ng::from_str(template).expect("YAML");
    for (parameter, value, expected) in [
        ("TokenIssuer", "https://id.example.com/", true),
        ("TokenIssuer", "http://id.example.com", false),
        ("TokenIssuer", "http://127.0.0.1:4001", true),
        ("TokenIssuer", "http://localhost/_local", true),
        ("TokenIssuer", "http://127.0.0.1.example.com", false),
        ("TokenIssuer", "http://localhost@example.com/", false),
        ("TokenIssuer", "https://", false),
        ("LogLevel", "info", true),
        ("LogLevel", "off", true),
        ("LogLevel", "verbose", false),
        ("ProblemsUrl", "", true),
        ("ProblemsUrl", "https://docs.example.com/problems", true),
        ("ProblemsUrl", "http://docs.example.com/problems", false),
        (
            "ProblemsUrl",
            "https://docs.example.com/problems#top",
            false,
        ),
    ] {
        let taken = takes(&template, parameter, value);
        assert_eq!(taken, expected, "{parameter} {value}");
    }
}

#[test]
fn make_dev_and_the_functions_accept_the_same_origins() {
    for (origin, expected) in [
        ("http://localhost:4321", true),
        ("http://[::1]:4321", true),
        ("https://preview.example.com", true),
        ("https://preview.example.com:8443", true),
        ("http://127.0.0.1", true),
        ("http://preview.example.com", false),
        ("http://localhost:4321/", false),
        ("http://localhost:80", false),
        ("https://Preview.example.com", false),
        ("localhost:4321", false),
    ] {
        let variable = ("SPARKS_ALLOWED_ORIGINS".to_owned(), origin.to_owned());
        let options = Options::read(std::iter::empty(), &BTreeMap::from([variable]));
        assert_eq!(options.is_ok(), expected, "{origin}");
        let functions: Result<AllowedOrigins, _> = origin.parse();
        assert_eq!(functions.is_ok(), expected, "{origin}");
        if let Ok(options) = options {
            let all: Result<AllowedOrigins, _> = options.origins.join(",").parse();
            assert!(all.is_ok(), "{:?}", options.origins);
        }
    }
}
