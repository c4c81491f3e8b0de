//! Rules of the repository and of the deployment.

mod fuzzing;
mod layout;
mod secrets;
mod settings;
mod tidy;
