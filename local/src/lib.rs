//! The whole stack on one machine, and the fakes the tests use.
//!
//! | module | stands in for |
//! |---|---|
//! | [`gateway`] | API Gateway: routes, authorizer and CORS of `template.yaml`, HTTP to events and back; also serves the reference page |
//! | [`lambda`] | AWS Lambda: processes of the real binaries, and the Runtime API they poll for work |
//! | [`token`] | the app's identity provider |
//! | [`dynamodb`] | DynamoDB, with conflicts and throttling on request |
//! | [`stack::ParameterStore`] | AWS Systems Manager Parameter Store |
//! | [`stripe`] | the parts of Stripe that Sparks uses |
//! | [`langfuse`] | Langfuse; refuses what the real one would silently drop |
//! | [`template`] | CloudFormation and SAM: reads the parts of the template that the other modules need |
//! | [`stack`] | a deployed stack: everything the functions reach, and the environment to reach it |
//! | [`dev`] | `make dev`: the stack, `cargo lambda watch`, and a first usage |
//!
//! Everything listens on 127.0.0.1 only, through [`http`]. Tests can set [`faults`] on the fakes.

pub mod client;
pub mod clock;
pub mod dev;
pub mod dynamodb;
pub mod faults;
pub mod gateway;
pub mod http;
pub mod lambda;
pub mod langfuse;
pub mod stack;
pub mod stripe;
pub mod template;
pub mod token;
