//! The whole stack on one machine, and the fakes the tests use.
//!
//! | module | stands in for |
//! |---|---|
//! | [`gateway`] | API Gateway: routes, authorizer and CORS of `template.yaml`, HTTP to events and back; it serves the reference page, too |
//! | [`lambda`] | AWS Lambda: processes of the real binaries, and the Runtime API they ask for work |
//! | [`token`] | the app's identity provider |
//! | [`dynamodb`] | DynamoDB, with its conflicts and throttling on request |
//! | [`parameter_store`] | AWS Systems Manager's parameters |
//! | [`stripe`] | Stripe, as far as Sparks uses it |
//! | [`langfuse`] | Langfuse, which here refuses what the real one would silently drop |
//! | [`template`] | what deploys the template, as far as the others have to know it |
//! | [`stack`] | a deployed stack: everything the functions reach, and the environment to reach it |
//! | [`dev`] | `make dev`: the stack, `cargo lambda watch`, and a first usage |
//!
//! Everything listens on 127.0.0.1 only, by way of [`http`]; [`faults`] can be set on what stands
//! in for others.

pub mod client;
pub mod clock;
pub mod dev;
pub mod dynamodb;
pub mod faults;
pub mod gateway;
pub mod http;
pub mod lambda;
pub mod langfuse;
pub mod parameter_store;
pub mod stack;
pub mod stripe;
pub mod template;
pub mod token;
