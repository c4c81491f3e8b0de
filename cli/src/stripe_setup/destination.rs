//! The destination of thin events. By them Stripe reports meter events that it could not count.

use serde_json::json;

use super::SetUp;
use crate::Error;
use crate::stripe_account::{Body, DESTINATIONS, Destination, STAGE, THIN_EVENTS};

impl SetUp<'_> {
    /// Creates or updates the destination if there is a URL for it. Returns the current one otherwise.
    pub(super) async fn destination(&mut self) -> Result<Option<Destination>, Error> {
        let known = self.account.destination().await?;
        let Some(url) = &self.addresses.webhooks else {
            return Ok(known);
        };
        let Some(known) = known else {
            let stage = self.account.stage();
            let body = json!({
                "name": format!("Sparks {stage}: meter errors"),
                "description": "Sparks",
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": THIN_EVENTS,
                "webhook_endpoint": {"url": url},
                "metadata": {STAGE: stage},
                "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
            });
            let what = format!("destination:{url}");
            let body = Body::Json(&body);
            let made: Destination = self.account.create_with(&body, DESTINATIONS, &what).await?;
            self.changes
                .push(format!("created the event destination {}", made.id));
            return Ok(Some(made));
        };
        if known.serves(url) {
            return Ok(Some(known));
        }
        let path = format!("{DESTINATIONS}/{}", known.id);
        let read = format!("{path}?include[0]=webhook_endpoint.url");
        if known.status != "enabled" {
            let enable = format!("{path}/enable");
            let is_so = |known: &Destination| known.status == "enabled";
            let nothing = json!({});
            let body = Body::Json(&nothing);
            let paths = (read.as_str(), enable.as_str());
            self.account
                .change_with(&body, paths, "enable", is_so)
                .await?;
        }
        let change = json!({"enabled_events": THIN_EVENTS, "webhook_endpoint": {"url": url}});
        let is_so = |known: &Destination| known.serves(url);
        let paths = (read.as_str(), path.as_str());
        let body = Body::Json(&change);
        let changed = self.account.change_with(&body, paths, url, is_so).await?;
        self.changes
            .push(format!("changed the event destination {}", changed.id));
        Ok(Some(changed))
    }
}
