//! The trace context of a call: X-Ray's and the caller's, if they are well-formed.

/// The traces that an invocation is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    xray_trace_id: Option<String>,
    traceparent: Option<String>,
}

impl TraceContext {
    /// Takes the root of an `X-Amzn-Trace-Id` and a `traceparent`, each only if well-formed. The caller writes both.
    ///
    /// ```
    /// use shared::process::telemetry::TraceContext;
    /// let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let trace = TraceContext::new(Some("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"), Some(traceparent));
    /// assert_eq!(trace.xray_trace_id(), Some("1-5759e988-bd862e3fe1be46a994272793"));
    /// assert_eq!(trace.traceparent(), Some(traceparent));
    /// assert_eq!(TraceContext::new(Some("Root=1"), Some("00-1")), TraceContext::default());
    /// ```
    pub fn new(x_amzn_trace_id: Option<&str>, traceparent: Option<&str>) -> Self {
        let root = x_amzn_trace_id.and_then(|header| {
            let mut parts = header.split(';');
            parts.find_map(|part| part.trim().strip_prefix("Root="))
        });
        let traceparent = traceparent.filter(|header| is_traceparent(header));
        Self {
            xray_trace_id: root.filter(|root| is_root(root)).map(str::to_owned),
            traceparent: traceparent.map(str::to_owned),
        }
    }

    /// X-Ray's id of the trace.
    pub fn xray_trace_id(&self) -> Option<&str> {
        self.xray_trace_id.as_deref()
    }

    /// The caller's `traceparent`.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }
}

/// Returns whether a text is the root of a trace id. That is `1-`, the time in 8 hexadecimal digits, `-`, and 24 random
/// ones.
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
fn is_root(text: &str) -> bool {
    let mut parts = text.split('-');
    let version = parts.next() == Some("1");
    let digits = [8, 24].map(|length| parts.next().is_some_and(|part| is_hex(part, length)));
    version && digits == [true, true] && parts.next().is_none()
}

/// Returns whether a text is of version 00, the only one there is. Ids of only zeros are invalid.
/// <https://www.w3.org/TR/trace-context/#traceparent-header>
fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let version = parts.next() == Some("00");
    let ids = [32, 16].map(|length| {
        let id = parts.next().filter(|id| is_hex(id, length));
        id.is_some_and(|id| id.bytes().any(|digit| digit != b'0'))
    });
    let flags = parts.next().is_some_and(|flags| is_hex(flags, 2));
    version && ids == [true, true] && flags && parts.next().is_none()
}

fn is_hex(text: &str, length: usize) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_traceparent_is_taken() {
        for (header, taken) in [
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                true,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
                true,
            ),
            (
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                false,
            ),
            (
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                false,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                false,
            ),
            (
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                false,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-secret",
                false,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
                false,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                false,
            ),
            ("Bearer secret", false),
            ("", false),
        ] {
            let trace = TraceContext::new(None, Some(header));
            assert_eq!(trace.traceparent(), taken.then_some(header), "{header:?}");
        }
    }

    #[test]
    fn only_the_root_of_x_rays_header_is_taken() {
        let root = "1-5759e988-bd862e3fe1be46a994272793";
        for (header, taken) in [
            (
                format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=1"),
                true,
            ),
            (
                format!("Self=1-67891234-12456789abcdef012345678;Root={root}"),
                true,
            ),
            (format!("Parent=53995c3f42cd8ad8; Root={root}"), true),
            (format!("Root={root}0"), false),
            (format!("Root={root}-secret"), false),
            ("Root=secret".to_owned(), false),
            (root.to_owned(), false),
        ] {
            let trace = TraceContext::new(Some(&header), None);
            assert_eq!(trace.xray_trace_id(), taken.then_some(root), "{header:?}");
        }
    }
}
