//! The deliveries in the table. Its parts are in the files beside it: marks, parcels, the queue, what was parked.

use crate::table::Table;

/// The deliveries in the table: due items, leases, claims, marks and parcels.
#[derive(Clone, Debug)]
pub struct DeliveryQueue {
    pub(super) table: Table,
}

impl DeliveryQueue {
    /// The rows of this table.
    pub const fn over(table: Table) -> Self {
        Self { table }
    }
}
