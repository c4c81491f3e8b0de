//! Computes the cost of a million usages at AWS, from the figures and a table of prices.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::flow::BATCH;
use crate::program::MEMORY_MB;
use crate::rounds::Asked;
use crate::speed::Speed;
use crate::statistics::number;
use crate::world::Failure;

/// The prices, and the assumed times of DynamoDB and the providers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Prices {
    region: String,
    sources: Vec<String>,
    dynamodb_million_write_units: f64,
    dynamodb_million_read_units: f64,
    lambda_million_requests: f64,
    lambda_gigabyte_second: f64,
    lambda_megabytes_of_one_cpu: f64,
    api_million_requests: f64,
    logs_gigabyte: f64,
    assumed_dynamodb_ms: f64,
    assumed_provider_ms: f64,
    delivery_budget_ms: f64,
}

/// Cost of a million usages, in dollars.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Cost {
    /// API Gateway.
    pub(crate) api: f64,
    /// Lambda's requests.
    pub(crate) lambda_requests: f64,
    /// Lambda's time: waiting for other systems, and CPU.
    pub(crate) lambda_time: f64,
    /// CPU's part of that time.
    pub(crate) of_it_cpu: f64,
    /// DynamoDB.
    pub(crate) dynamodb: f64,
    /// Logs.
    pub(crate) logs: f64,
    /// Total.
    pub(crate) all: f64,
}

impl Prices {
    /// Reads the table.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
    }

    /// Returns the cost of a million requests.
    fn requests(&self, asked: &Asked, cpu_us: f64) -> Cost {
        let providers = (asked.rounds - 2.0).max(0.0) * self.assumed_provider_ms;
        let waiting = 2.0 * self.assumed_dynamodb_ms + providers.min(self.delivery_budget_ms);
        let memory = number(u64::from(MEMORY_MB));
        // A function gets CPU in proportion to its memory.
        let cpu = cpu_us / 1e3 * (self.lambda_megabytes_of_one_cpu / memory).max(1.0);
        let of_time = |ms: f64| ms * 1e3 * memory / 1024.0 * self.lambda_gigabyte_second;
        let mut cost = Cost {
            api: self.api_million_requests,
            lambda_requests: self.lambda_million_requests,
            lambda_time: of_time(waiting + cpu),
            of_it_cpu: of_time(cpu),
            dynamodb: asked.units.write * self.dynamodb_million_write_units
                + asked.units.read * self.dynamodb_million_read_units,
            logs: asked.log_bytes / 1e3 * self.logs_gigabyte,
            all: 0.0,
        };
        cost.all = cost.api + cost.lambda_requests + cost.lambda_time + cost.dynamodb + cost.logs;
        cost
    }

    /// Returns the cost of a million usages: single ones here and in Node.js, and those in full batches.
    pub(crate) fn of_usages(
        &self,
        asked: &BTreeMap<String, Asked>,
        speeds: &BTreeMap<String, Speed>,
    ) -> BTreeMap<String, Cost> {
        let mut costs = BTreeMap::new();
        for (name, flow, program) in [
            ("usage", "usage", "record-usage"),
            ("usage in Node.js", "usage in Node.js", "node"),
        ] {
            if let (Some(asked), Some(speed)) = (asked.get(flow), speeds.get(program)) {
                let cost = self.requests(asked, speed.warm_cpu_us.median);
                costs.insert(name.to_owned(), cost);
            }
        }
        // The CPU time of a batch is not measured; that of as many single usages is an upper bound.
        let batch = number(BATCH);
        if let (Some(asked), Some(speed)) = (asked.get("batch of 45"), speeds.get("record-usage")) {
            let cost = self.requests(asked, speed.warm_cpu_us.median * batch);
            let cost = cost.each(batch);
            costs.insert("usage in a batch of 45".to_owned(), cost);
        }
        costs
    }
}

impl Cost {
    fn each(self, count: f64) -> Self {
        Self {
            api: self.api / count,
            lambda_requests: self.lambda_requests / count,
            lambda_time: self.lambda_time / count,
            of_it_cpu: self.of_it_cpu / count,
            dynamodb: self.dynamodb / count,
            logs: self.logs / count,
            all: self.all / count,
        }
    }
}
