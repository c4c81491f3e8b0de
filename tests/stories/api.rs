//! The API as callers see it: routes, callers, rights, bad input, and `openapi.yaml`.

mod accounts;
mod bad_input;
mod identity;
mod isolation;
mod model;
mod openapi;
mod permissions;
mod routes;
mod telemetry;
