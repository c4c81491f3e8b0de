//! Objects with a type of their own, because time and money change them. These are their amounts, their periods, and
//! their JSON.

mod invoice;
mod item;
mod line;
mod meter_event;
pub(crate) mod period;
mod price;
mod session;
mod settings;
mod subscription;
mod tax;

pub(crate) use invoice::Invoice;
pub(crate) use item::{Card, Item, Items, Status};
pub(crate) use line::{Line, Parent, Period};
pub(crate) use meter_event::{MeterEvent, aggregate};
pub(crate) use price::{Price, Recurring};
pub(crate) use session::{Ordered, Session};
pub(crate) use settings::{DunningEnd, Periods, Settings};
pub(crate) use subscription::{PauseCollection, Subscription};
pub(crate) use tax::Behavior;
