//! Cold start of `create-portal`, with its allocator.

use create_portal::{App, handle};
use lambda_http::{Error, run, service_fn};
use shared::edge;

/// A request takes thousands of small allocations, most of them for the AWS SDK.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = edge::start(App::new).await?;
    run(service_fn(|request| handle(&app, request))).await
}
