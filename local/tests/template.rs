//! The parts of `template.yaml` that the local stack reads, and its refusals of unsupported ones.

use std::collections::BTreeMap;
use std::time::Duration;

use local::template::{Error, Template};

fn project() -> Template {
    Template::of_the_project(&Template::local_parameters()).unwrap()
}

/// A small template with a given route.
fn with_route(properties: &str) -> Result<Template, Error> {
    let text = format!(
        "
Parameters:
  Issuer: {{ Type: String }}
  Audience: {{ Type: CommaDelimitedList, Default: 'one, two' }}
Globals: {{ Function: {{ Timeout: 7, Environment: {{ Variables: {{ EVERYWHERE: 1 }} }} }} }}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {{ issuer: !Sub '${{Issuer}}/', audience: !Ref Audience }}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: f
      Environment: {{ Variables: {{ TABLE_NAME: !Ref Table }} }}
      Events: {{ E: {{ Type: HttpApi, Properties: {{ {properties} }} }} }}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {{ AttributeDefinitions: [], KeySchema: [] }}
"
    );
    Template::parse(&text, &parameters(&[("Issuer", "https://id.example")]))
}

fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

#[test]
fn the_projects_functions_have_their_routes_and_timeouts() {
    let template = project();
    let routes: Vec<_> = template
        .routes
        .iter()
        .map(|route| (route.key(), route.function.as_str()))
        .collect();
    let expected = [
        ("GET /v1/balance", "read-account"),
        ("GET /v1/catalog", "read-account"),
        ("GET /v1/ledger", "read-account"),
        ("GET /v1/subscription", "create-portal"),
        ("GET /v1/usage", "read-account"),
        ("POST /v1/checkout", "create-checkout"),
        ("POST /v1/checkout/{session_id}/verify", "verify-payment"),
        ("POST /v1/estimate", "read-account"),
        ("POST /v1/portal", "create-portal"),
        ("POST /v1/usage", "record-usage"),
        ("POST /v1/usage/batch", "record-usage"),
        ("POST /v1/webhooks/stripe", "stripe-webhook"),
    ];
    let mut routes: Vec<_> = routes
        .iter()
        .map(|(key, function)| (key.as_str(), *function))
        .collect();
    routes.sort_unstable();
    assert_eq!(routes, expected);
    let open: Vec<_> = template
        .routes
        .iter()
        .filter(|route| route.authorizer.is_none())
        .map(|route| route.path.as_str())
        .collect();
    assert_eq!(open, ["/v1/webhooks/stripe"]);
    assert_eq!(
        template.functions["record-usage"].timeout,
        Duration::from_secs(29)
    );
    assert_eq!(
        template.functions["read-account"].timeout,
        Duration::from_secs(10)
    );
}

#[test]
fn the_table_comes_from_the_template_with_its_sparse_indexes() {
    let definition = project().table_definition("sparks-test");
    assert_eq!(definition["TableName"], "sparks-test");
    assert_eq!(definition["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(definition["KeySchema"][0]["AttributeName"], "pk");
    let indexes = definition["GlobalSecondaryIndexes"].as_array().unwrap();
    let names: Vec<_> = indexes.iter().map(|index| &index["IndexName"]).collect();
    assert_eq!(names, ["pending", "ledger"]);
    assert!(
        indexes
            .iter()
            .all(|index| index["Projection"]["ProjectionType"] == "KEYS_ONLY")
    );
}

#[test]
fn parameters_globals_and_intrinsics_are_resolved() {
    let template = with_route("ApiId: !Ref Api, Method: GET, Path: '/v1/x/{id}'").unwrap();
    let (route, path_parameters) = template.route("GET", "/v1/x/a%20b").unwrap();
    let authorizer = route.authorizer.as_ref().unwrap();
    assert_eq!(authorizer.header, "authorization");
    assert_eq!(authorizer.issuer, "https://id.example/");
    assert_eq!(authorizer.audience, ["one", "two"]);
    assert_eq!(path_parameters["id"], "a b");
    let function = &template.functions["f"];
    assert_eq!(function.timeout, Duration::from_secs(7));
    assert_eq!(
        Vec::from_iter(&function.variables),
        ["EVERYWHERE", "TABLE_NAME"]
    );
}

#[test]
fn a_condition_chooses_a_value_or_omits_a_property() {
    let text = r#"
Parameters: { Most: { Type: Number, Default: 0 } }
Conditions: { HasMost: !Not [!Equals [!Ref Most, 0]] }
Resources:
  Api: { Type: AWS::Serverless::HttpApi, Properties: {} }
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: f
      Timeout: !If [HasMost, 5, 6]
      Environment: { Variables: { MOST: !If [HasMost, !Ref Most, !Ref "AWS::NoValue"], ALWAYS: 1 } }
  Table: { Type: AWS::DynamoDB::Table, Properties: { AttributeDefinitions: [], KeySchema: [] } }
"#;
    for (most, timeout_s, variables) in [
        (parameters(&[]), 6, &["ALWAYS"][..]),
        (parameters(&[("Most", "2")]), 5, &["ALWAYS", "MOST"]),
    ] {
        let template = Template::parse(text, &most).unwrap();
        let function = &template.functions["f"];
        assert_eq!(function.timeout, Duration::from_secs(timeout_s));
        assert_eq!(Vec::from_iter(&function.variables), variables);
    }
    let unknown = text.replace("HasMost: ", "HasLeast: ");
    let unknown = Template::parse(&unknown, &parameters(&[])).unwrap_err();
    assert_eq!(unknown.to_string(), "`!If` is not supported");
}

#[test]
fn a_route_is_found_by_exact_method_and_whole_path() {
    let template = with_route("ApiId: !Ref Api, Method: GET, Path: '/v1/x/{id}'").unwrap();
    for (method, path) in [
        ("POST", "/v1/x/1"),
        ("GET", "/v1/x"),
        ("GET", "/v1/x/"),
        ("GET", "/v1/x/1/"),
        ("GET", "/v1/x/1/2"),
        ("GET", "/V1/x/1"),
    ] {
        assert!(template.route(method, path).is_none(), "{method} {path}");
    }
}

#[test]
fn a_route_can_be_open() {
    let open = "ApiId: !Ref Api, Method: POST, Path: /hook, Auth: { Authorizer: NONE }";
    assert_eq!(with_route(open).unwrap().routes[0].authorizer, None);
}

#[test]
fn unsupported_properties_are_refused() {
    for (properties, expected) in [
        (
            "ApiId: !Ref Other, Method: GET, Path: /x",
            "`Other` is neither a parameter nor a resource",
        ),
        (
            "ApiId: !Ref Table, Method: GET, Path: /x",
            "route `GET /x` is not supported",
        ),
        (
            "ApiId: !Ref Api, Method: ANY, Path: /x",
            "route `ANY /x` is not supported",
        ),
        (
            "ApiId: !Ref Api, Method: GET, Path: '/{all+}'",
            "route `GET /{all+}` is not supported",
        ),
        (
            "ApiId: !Select [0, [Api]], Method: GET, Path: /x",
            "`!Select` is not supported",
        ),
        (
            "ApiId: !Ref Api, Method: GET, Path: /x, Auth: { Authorizer: No }",
            "route `GET /x` is not supported",
        ),
        (
            "ApiId: !Ref Api, Method: GET, Path: /x, Surprise: 1",
            "resource `F` is not supported",
        ),
    ] {
        assert_eq!(with_route(properties).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_parameter_needs_a_value_and_a_declaration() {
    let text = "Parameters: { Stage: { Type: String } }";
    let missing = Template::parse(text, &parameters(&[])).unwrap_err();
    assert_eq!(missing.to_string(), "parameter `Stage` has no value");
    let unknown = parameters(&[("Stage", "x"), ("Stagee", "y")]);
    let unknown = Template::parse(text, &unknown).unwrap_err();
    assert_eq!(unknown.to_string(), "parameter `Stagee` is not declared");
}
