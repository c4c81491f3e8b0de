//! Return URLs, to which Stripe sends a buyer back. Only the app's own origins are allowed.
//!
//! An open redirect from a page at Stripe, which buyers trust, would help phishing. So a URL must begin with an allowed
//! origin letter by letter, and anything that browsers and servers are known to parse differently is refused.

use std::str::FromStr;

use url::Url;

/// The longest address, in bytes.
const MAX_BYTES: usize = 2_048;

/// The placeholder that Stripe replaces with the id of the Checkout Session.
const SESSION_ID: &str = "{CHECKOUT_SESSION_ID}";

/// The origins that an address may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

/// A text that is not a list of origins.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an origin such as `https://app.example.com`")]
pub struct NoOrigin(String);

/// An address that is not allowed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotAllowed {
    /// It is longer than 2,048 bytes.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It does not begin with an allowed origin.
    #[error("does not begin with an allowed origin")]
    Origin,
    /// Browsers and servers may parse it differently.
    #[error(
        "has `//`, `@` or a dot segment in its path, a backslash, an invalid escape or a character not allowed in URLs"
    )]
    Ambiguous,
}

/// A return URL on one of the app's origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnUrl(String);

impl FromStr for AllowedOrigins {
    type Err = NoOrigin;

    /// Parses origins separated by commas. Each is https, or http on a loopback host, and spelt as browsers serialise
    /// it.
    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let origins = text.split(',').map(str::trim).map(|origin| {
            let url = Url::parse(origin).ok();
            let loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
                .iter()
                .any(|host| {
                    let rest = origin.strip_prefix(host);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
                });
            url.filter(|url| url.origin().ascii_serialization() == origin)
                .filter(|url| url.scheme() == "https" || loopback)
                .filter(|_| !origin.contains('*'))
                .map(|_| origin.to_owned())
                .ok_or_else(|| NoOrigin(origin.to_owned()))
        });
        origins.collect::<Result<_, _>>().map(Self)
    }
}

impl AllowedOrigins {
    /// Splits an address into the allowed origin that it begins with and the rest.
    fn behind_origin<'a>(&'a self, text: &'a str) -> Option<(&'a str, &'a str)> {
        self.0.iter().find_map(|origin| {
            let rest = text.strip_prefix(origin.as_str())?;
            // Otherwise, it is another host or port.
            let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
            ends.then_some((origin.as_str(), rest))
        })
    }
}

impl ReturnUrl {
    /// Validates an address against the allowed origins.
    pub fn new(text: &str, allowed: &AllowedOrigins) -> Result<Self, NotAllowed> {
        if text.len() > MAX_BYTES {
            return Err(NotAllowed::TooLong);
        }
        let (origin, rest) = allowed.behind_origin(text).ok_or(NotAllowed::Origin)?;
        // Only the placeholder may have braces.
        // Stripe replaces it with letters, digits and underscores.
        let plain = rest.replace(SESSION_ID, "x");
        let path = plain.split(['?', '#']).next().unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&byte);
        // Without a path, some parsers take the text before an `@` for a user and the text after it for the host.
        let no_host = rest.starts_with('/') || !rest.contains('@');
        if !plain.bytes().all(allowed)
            || !escapes_are_clear(&plain)
            || !path_is_clear(path)
            || !no_host
        {
            return Err(NotAllowed::Ambiguous);
        }
        // Finally, parse it as browsers do.
        let url = Url::parse(text).map_err(|_| NotAllowed::Ambiguous)?;
        let same = url.origin().ascii_serialization() == origin
            && url.username().is_empty()
            && url.password().is_none();
        same.then(|| Self(text.to_owned()))
            .ok_or(NotAllowed::Origin)
    }

    /// Returns the address, with the placeholder of the session id added if it is missing. A placeholder that a URL
    /// library has escaped is unescaped.
    pub fn with_session_id(&self) -> String {
        let mut plain = self.0.clone();
        for (open, close) in [
            ("%7B", "%7D"),
            ("%7b", "%7d"),
            ("%7B", "%7d"),
            ("%7b", "%7D"),
        ] {
            plain = plain.replace(&format!("{open}CHECKOUT_SESSION_ID{close}"), SESSION_ID);
        }
        if plain.contains(SESSION_ID) {
            return plain;
        }
        let (before, fragment) = match plain.split_once('#') {
            Some((before, fragment)) => (before, format!("#{fragment}")),
            None => (plain.as_str(), String::new()),
        };
        let joint = if before.contains('?') { '&' } else { '?' };
        format!("{before}{joint}session_id={SESSION_ID}{fragment}")
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether every `%` begins an escape. No escape may hide a control character or a backslash.
fn escapes_are_clear(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let code = after
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        code.is_some_and(|code| !code.is_ascii_control() && code != b'\\')
    })
}

/// Returns whether a path has no `//`, `@` or dot segment. It may have no escaped slash, dot or percent sign either.
fn path_is_clear(path: &str) -> bool {
    let small = path.to_ascii_lowercase();
    let parts = || path.split('/');
    !path.contains("//")
        && !small.contains("%2f")
        && !small.contains("%2e")
        && !small.contains("%25")
        && !path.contains('@')
        && parts().all(|part| part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> AllowedOrigins {
        "https://app.example.com, http://127.0.0.1:8787"
            .parse()
            .unwrap()
    }

    #[test]
    fn addresses_of_an_allowed_origin_are_kept_unchanged() {
        for text in [
            "https://app.example.com",
            "https://app.example.com/",
            "https://app.example.com/paid",
            "https://app.example.com/a/b-c_d~e.f/",
            "https://app.example.com/paid?x=1&y=%20z&next=/a//b",
            "https://app.example.com/paid?back=https://app.example.com/",
            "https://app.example.com?x",
            "https://app.example.com/#/paid",
            "https://app.example.com/paid?id={CHECKOUT_SESSION_ID}",
            "https://app.example.com/paid/{CHECKOUT_SESSION_ID}",
            "https://app.example.com/orders/{CHECKOUT_SESSION_ID}/done?x={CHECKOUT_SESSION_ID}",
            "https://app.example.com/%C3%A9t%C3%A9",
            "http://127.0.0.1:8787/paid",
        ] {
            let url = ReturnUrl::new(text, &allowed());
            assert_eq!(url.as_ref().map(ReturnUrl::as_str), Ok(text));
        }
    }

    #[test]
    fn foreign_and_ambiguous_addresses_are_refused() {
        for text in HOSTILE {
            assert!(ReturnUrl::new(text, &allowed()).is_err(), "{text:?}");
        }
        let long = format!("https://app.example.com/{}", "a".repeat(2_048));
        assert_eq!(ReturnUrl::new(&long, &allowed()), Err(NotAllowed::TooLong));
        assert!(HOSTILE.len() >= 60, "{}", HOSTILE.len());
    }

    const HOSTILE: [&str; 92] = [
        // Empty, relative, or of another scheme.
        "",
        "/",
        "/paid",
        "//evil.example",
        "///evil.example",
        "////app.example.com",
        "paid",
        "?x",
        "#x",
        "app.example.com",
        "app.example.com/paid",
        "javascript:alert(1)",
        "javascript://app.example.com/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "ftp://app.example.com/",
        "ws://app.example.com/",
        "blob:https://app.example.com/x",
        "view-source:https://app.example.com/",
        "about:blank",
        "mailto:a@app.example.com",
        // Parsers disagree on where the host ends.
        "https://app.example.com?@evil.example",
        "https://app.example.com#@evil.example",
        "https://app.example.com?x=1@evil.example/",
        // An escape that only the session's id completes.
        "https://app.example.com/%{CHECKOUT_SESSION_ID}41",
        // Almost the scheme.
        "http://app.example.com/",
        "HTTPS://app.example.com/",
        "https:app.example.com/",
        "https:/app.example.com/",
        "https:///app.example.com/",
        "https:\\\\app.example.com\\",
        "https:/\\app.example.com/",
        "\thttps://app.example.com/",
        " https://app.example.com/",
        "h\nttps://app.example.com/",
        "\u{feff}https://app.example.com/",
        // Almost the host.
        "https://app.example.com.evil.example/",
        "https://app.example.com-evil.example/",
        "https://app.example.comevil.example/",
        "https://evil-app.example.com/",
        "https://evil.app.example.com/",
        "https://evil.example/app.example.com",
        "https://evil.example/https://app.example.com",
        "https://evil.example?https://app.example.com",
        "https://evil.example#https://app.example.com",
        "https://example.com/",
        "https://app.example.com./",
        "https://APP.example.com/",
        "https://app%2eexample.com/",
        "https://app.example.com%2eevil.example/",
        "https://app.example.com%00.evil.example/",
        "https://app.example.com\u{0}.evil.example/",
        "https://аpp.example.com/",
        "https://app。example。com/",
        "https://[::1]/",
        "https://2130706433/",
        // User info, or text that looks like it.
        "https://app.example.com@evil.example/",
        "https://app.example.com:x@evil.example/",
        "https://app.example.com%40evil.example/",
        "https://a@app.example.com/",
        "https://a:b@app.example.com/",
        "https://evil.example\\@app.example.com/",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com/@evil.example",
        // Another port.
        "https://app.example.com:443/",
        "https://app.example.com:8443/",
        "https://app.example.com:/",
        "http://127.0.0.1:87870/",
        "http://127.0.0.1/",
        "http://localhost:8787/",
        "http://127.0.0.1:8787.evil.example/",
        "http://127.1:8787/",
        // Paths that servers and browsers parse differently.
        "https://app.example.com//evil.example",
        "https://app.example.com/a//evil.example",
        "https://app.example.com/\\evil.example",
        "https://app.example.com\\evil.example",
        "https://app.example.com/%5cevil.example",
        "https://app.example.com/%2fevil.example",
        "https://app.example.com/%2F%2Fevil.example",
        "https://app.example.com/%252fevil.example",
        "https://app.example.com/../evil",
        "https://app.example.com/a/./b",
        "https://app.example.com/%2e%2e/evil",
        "https://app.example.com/paid\r\nLocation: https://evil.example",
        "https://app.example.com/paid%0d%0aLocation:%20x",
        "https://app.example.com/paid?x=%00",
        "https://app.example.com/pa id",
        "https://app.example.com/paid?x=%zz",
        "https://app.example.com/paid%",
        "https://app.example.com/<script>",
        "https://app.example.com/{OTHER}",
    ];

    #[test]
    fn the_session_id_placeholder_is_added_if_missing() {
        for (text, expected) in [
            ("/paid", "/paid?session_id={CHECKOUT_SESSION_ID}"),
            ("/paid?x=1", "/paid?x=1&session_id={CHECKOUT_SESSION_ID}"),
            ("/#/paid", "/?session_id={CHECKOUT_SESSION_ID}#/paid"),
            ("/p?s={CHECKOUT_SESSION_ID}", "/p?s={CHECKOUT_SESSION_ID}"),
            (
                "/p?s=%7BCHECKOUT_SESSION_ID%7D",
                "/p?s={CHECKOUT_SESSION_ID}",
            ),
            (
                "/p?s=%7bCHECKOUT_SESSION_ID%7d",
                "/p?s={CHECKOUT_SESSION_ID}",
            ),
            ("", "?session_id={CHECKOUT_SESSION_ID}"),
        ] {
            let origin = "https://app.example.com";
            let url = ReturnUrl::new(&format!("{origin}{text}"), &allowed()).unwrap();
            assert_eq!(url.with_session_id(), format!("{origin}{expected}"));
        }
    }

    #[test]
    fn origins_must_be_spelt_as_browsers_spell_them() {
        for good in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://127.0.0.1:8787",
        ] {
            assert!(good.parse::<AllowedOrigins>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "https://app.example.com/",
            "https://APP.example.com",
            "https://app.example.com:443",
            "https://*.example.com",
            "http://app.example.com",
            "http://127.0.0.1.evil.example",
            "https://a.example,",
        ] {
            assert!(bad.parse::<AllowedOrigins>().is_err(), "{bad}");
        }
    }
}
