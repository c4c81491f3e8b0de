//! Faults of the systems in a story.

use local::faults::{Fault, Faults};

use crate::World;

impl World {
    /// Makes Stripe fail in the next requests to a path, so many times.
    pub fn stripe_fails(&self, path: &str, fault: &str, times: u32) {
        add(self.stack.stripe.faults(), path, fault, times);
    }

    /// Makes Langfuse fail in the next requests to a path, so many times.
    pub fn langfuse_fails(&self, path: &str, fault: &str, times: u32) {
        add(self.stack.langfuse.faults(), path, fault, times);
    }

    /// Makes DynamoDB fail in the next requests of an operation, so many times.
    pub fn dynamodb_fails(&self, operation: &str, fault: &str, times: u32) {
        add(self.stack.dynamodb.faults(), operation, fault, times);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.stack.stripe.faults().clear();
        self.stack.langfuse.faults().clear();
        self.stack.dynamodb.faults().clear();
    }

    /// Drops all of Stripe's own webhooks from now on.
    pub fn drop_webhooks(&self) {
        self.stripe_fails("webhooks/", "drop", u32::MAX);
    }
}

fn add(faults: &Faults, path: &str, fault: &str, times: u32) {
    let fault = Fault::new(path, fault).expect("a fault");
    faults.add(fault.times(times));
}
