//! The origins whose pages may call the API, and to which a payment may return.

/// The usual addresses of frontend development servers.
const DEFAULT: [&str; 2] = ["http://localhost:3000", "http://localhost:5173"];

/// The hosts that need no TLS, as for the functions' `ALLOWED_ORIGINS`.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Returns the default origins and those of a list, separated by commas or spaces.
///
/// The error is the first entry that is not an origin.
pub(super) fn read(list: &str) -> Result<Vec<String>, String> {
    let mut origins: Vec<String> = DEFAULT.map(str::to_owned).into();
    let listed = list.split(|c: char| c == ',' || c.is_whitespace());
    for origin in listed.filter(|origin| !origin.is_empty()) {
        if !is_origin(origin) {
            return Err(origin.to_owned());
        }
        if !origins.iter().any(|known| known == origin) {
            origins.push(origin.to_owned());
        }
    }
    Ok(origins)
}

/// Returns whether this is an origin as browsers spell it. That is https, or http on this machine.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host_and_port)) = text.split_once("://") else {
        return false;
    };
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    let default_port = match scheme {
        "https" => 443,
        "http" if LOOPBACK.contains(&host) => 80,
        _ => return false,
    };
    let in_host =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let host_fits = LOOPBACK.contains(&host) || (!host.is_empty() && host.bytes().all(in_host));
    let port_fits = port.is_none_or(|text| {
        let port: Option<u16> = text.parse().ok();
        port.is_some_and(|port| port != default_port && port.to_string() == text)
    });
    host_fits && port_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_servers_are_allowed_by_default() {
        let origins = read("").unwrap();
        assert_eq!(origins, ["http://localhost:3000", "http://localhost:5173"]);
    }

    #[test]
    fn a_list_may_use_commas_or_spaces_and_duplicates_are_dropped() {
        let list = " http://localhost:4321,https://preview.example.com  http://localhost:3000 , http://[::1]:80801";
        assert_eq!(read(list), Err("http://[::1]:80801".to_owned()));
        let origins = read(&list.replace("80801", "8080")).unwrap();
        assert_eq!(
            origins[2..],
            [
                "http://localhost:4321",
                "https://preview.example.com",
                "http://[::1]:8080"
            ]
        );
    }

    #[test]
    fn a_malformed_origin_is_returned_as_the_error() {
        for typo in [
            "localhost:3000",
            "http:/localhost:3000",
            "http://localhost:3000/",
            "http://localhost:3000/app",
            "http://localhost:port",
            "http://localhost:080",
            "http://localhost:80",
            "http://192.168.0.7:3000",
            "http://example.com",
            "https://Example.com",
            "https://example.com:443",
            "https://*.example.com",
            "https://user@example.com",
            "https://",
            "*",
        ] {
            assert_eq!(read(typo), Err(typo.to_owned()));
        }
    }
}
