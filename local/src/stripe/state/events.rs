//! Events: changes in the account, each with a snapshot of its object. A thin event only names it.

use serde_json::{Value, json};

use super::account::State;
use crate::stripe::wire::json::text;
use crate::stripe::wire::{API_VERSION, v2};

impl State {
    /// Records an event, and adds a delivery for each endpoint subscribed to it.
    pub(crate) fn emit(&mut self, kind: &str, object: &Value, now: i64) {
        let id = self.next_id("evt_");
        let receivers = self.receivers("webhook_endpoints", kind);
        let event = json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": now,
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": receivers.len(),
            "request": { "id": null, "idempotency_key": null },
            "type": kind,
        });
        self.objects.insert("events", event);
        for endpoint in receivers {
            self.deliver(&id, kind, &endpoint);
        }
    }

    /// Records a thin event. Adds a delivery of its notification for each destination subscribed to it.
    pub(crate) fn emit_thin(
        &mut self,
        kind: &str,
        related: Option<&Value>,
        data: &Value,
        now: i64,
    ) -> Value {
        let id = self.next_id("evt_test_");
        let event = json!({
            "id": id,
            "object": "v2.core.event",
            "changes": null,
            "context": null,
            "created": v2::time(now),
            "data": data,
            "livemode": false,
            "reason": null,
            "related_object": related,
            "type": kind,
        });
        self.objects.insert("thin_events", event.clone());
        for destination in self.receivers("event_destinations", kind) {
            self.deliver(&id, kind, &destination);
        }
        event
    }

    /// Returns the payload for deliveries: the whole event, or a notification of a thin one.
    pub(crate) fn payload(&self, id: &str) -> Option<Value> {
        if let Some(event) = self.objects.get("events", id) {
            return Some(event.clone());
        }
        let mut notification = self.objects.get("thin_events", id)?.clone();
        let members = notification.as_object_mut()?;
        members.retain(|name, _| !["changes", "data", "reason"].contains(&name.as_str()));
        Some(notification)
    }

    /// Returns the type of an event, and the ids of its receivers.
    pub(crate) fn addressed(&self, id: &str) -> Option<(String, Vec<String>)> {
        let event = |events: &str| Some(text(self.objects.get(events, id)?, "type").to_owned());
        if let Some(kind) = event("events") {
            let receivers = self.receivers("webhook_endpoints", &kind);
            return Some((kind, receivers));
        }
        let kind = event("thin_events")?;
        let receivers = self.receivers("event_destinations", &kind);
        Some((kind, receivers))
    }

    /// Returns the ids of the enabled endpoints or destinations for a type of event.
    fn receivers(&self, endpoints: &str, kind: &str) -> Vec<String> {
        let enabled = self
            .objects
            .all(endpoints)
            .filter(|one| one["status"] == "enabled");
        let is_wanted = |one: &&Value| {
            let events = one["enabled_events"].as_array().into_iter().flatten();
            events
                .into_iter()
                .any(|asked| asked == "*" || asked == kind)
        };
        let takers = enabled.filter(is_wanted);
        takers.map(|one| text(one, "id").to_owned()).collect()
    }

    /// Returns the newest secret of an endpoint or an event destination.
    pub(crate) fn secret(&self, id: &str) -> Option<String> {
        let newest = &self.receiver(id)?["_secrets"][0];
        newest.as_str().map(str::to_owned)
    }

    /// Adds a secret to an endpoint or event destination; with `expire`, removes the old one instead.
    pub(crate) fn roll(&mut self, id: &str, expire: bool) -> Option<String> {
        let new = self.next_id("whsec_");
        let kinds = ["webhook_endpoints", "event_destinations"];
        let mut kinds = kinds.into_iter();
        let kind = kinds.find(|kind| self.objects.get(kind, id).is_some())?;
        let secrets = self.objects.get_mut(kind, id)?["_secrets"].as_array_mut()?;
        if expire {
            secrets.truncate(1);
        } else {
            secrets.insert(0, new.into());
            secrets.truncate(2);
        }
        self.secret(id)
    }
}
