//! Cold start of `deliver-outbox`, with its allocator.

use deliver_outbox::{App, handle};
use lambda_runtime::{Error, run, service_fn};
use shared::edge;

/// A request takes thousands of small allocations, most of them for the AWS SDK.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = edge::start(App::new).await?;
    run(service_fn(|event| handle(&app, event))).await
}
