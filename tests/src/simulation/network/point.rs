//! The properties of a request that faults and traces depend on.

use bytes::Bytes;
use http::Request;

/// Returns whether DynamoDB may answer from an older state.
pub(in crate::simulation) fn is_stale(request: &Request<Bytes>) -> bool {
    let target = request.headers().get("x-amz-target");
    let operation = target.and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let reads = matches!(operation, Some("GetItem" | "BatchGetItem" | "Query"));
    let body = request.body();
    let marker = b"\"ConsistentRead\":true";
    reads && !body.windows(marker.len()).any(|part| part == marker)
}

/// Returns the system that a request goes to.
pub(in crate::simulation) fn system(request: &Request<Bytes>) -> &str {
    let host = request.uri().host().unwrap_or_default();
    host.split('.').next().unwrap_or_default()
}

/// Returns the destination of a request in words, without ids.
pub(in crate::simulation) fn point(request: &Request<Bytes>) -> String {
    let target = request.headers().get("x-amz-target");
    let operation = target.and_then(|target| target.to_str().ok()?.rsplit('.').next());
    if let Some(operation) = operation {
        return format!("dynamodb {operation}");
    }
    let is_id = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit()) && part.contains('_');
    let parts = request.uri().path().split('/');
    let known: Vec<&str> = parts
        .map(|part| if is_id(part) { "{id}" } else { part })
        .collect();
    format!(
        "{} {} {}",
        system(request),
        request.method(),
        known.join("/")
    )
}
