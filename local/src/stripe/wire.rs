//! Calls and responses as they are on the wire.

mod call;
mod error;
mod form;
pub(crate) mod html;
pub(crate) mod json;
mod list;
pub(crate) mod v2;
mod version;

pub(crate) use call::Call;
pub(crate) use error::{Error, Result};
pub(crate) use form::{Form, Rule};
pub(crate) use list::{Created, Page};
pub(crate) use version::is_v2;
pub use version::{API_VERSION, SECRET_KEY};
