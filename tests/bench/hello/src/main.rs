//! A bare function: reads the event, and responds. Every other figure is compared with it.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}

async fn hello(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let path = &event.payload["rawPath"];
    let body = json!({ "hello": path }).to_string();
    Ok(json!({
        "statusCode": 200,
        "headers": { "content-type": "application/json" },
        "body": body,
        "isBase64Encoded": false,
    }))
}
