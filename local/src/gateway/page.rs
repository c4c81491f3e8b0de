//! The built reference page of `web/`, served beside the API. With one origin the browser needs no CORS.
//!
//! Files are read at each request, so a rebuilt page shows at the next reload.

use std::path::Path;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION};
use http::{Method, StatusCode};

use crate::http::{Request, Response, single, text};

/// The output folder of `make web`.
pub(super) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/dist");

/// The page's own paths, to which Stripe redirects as well: all serve the one document.
const SCREENS: [&str; 7] = [
    "/", "/use", "/usage", "/ledger", "/buy", "/paid", "/account",
];

/// The folder of files that are named by the hash of their content.
const HASHED: &str = "assets/";

const NOT_BUILT: &str = "The page is not built. With Node.js 20.19, or 22.12 or later, `make web` \
    builds it; the API runs without it.\n";

/// Security headers: the page may use only its own files and its own API. A real host sends the same.
const SAFETY: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // The redirect after a payment has the session's id in its URL.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Returns whether the page has been built.
pub(super) fn is_built(folder: &Path) -> bool {
    folder.join("index.html").is_file()
}

/// Returns the page or one of its files; `None` if the request is for neither.
pub(super) fn answer(folder: &Path, request: &Request) -> Option<Response> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return None;
    }
    let path = request.uri().path();
    if !SCREENS.contains(&path) {
        return file(folder, path.strip_prefix('/')?);
    }
    elsewhere(request)
        .or_else(|| file(folder, "index.html"))
        .or_else(|| Some(text(StatusCode::NOT_FOUND, NOT_BUILT)))
}

/// Returns a file of the folder or of the hashed ones. `None` for any other name.
fn file(folder: &Path, path: &str) -> Option<Response> {
    let name = path.strip_prefix(HASHED).unwrap_or(path);
    let media_type = media_type(name).filter(|_| is_plain(name))?;
    let mut response = Response::new(Bytes::from(std::fs::read(folder.join(path)).ok()?));
    let caching = if name.len() == path.len() {
        "no-cache"
    } else {
        "public, max-age=31536000, immutable"
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    for (name, value) in SAFETY {
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Returns whether a name is a plain file name, which cannot leave the folder.
fn is_plain(name: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.starts_with('.') && name.bytes().all(letters)
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// Redirects from `localhost` to the address that payments return to. To a browser they are two sites.
fn elsewhere(request: &Request) -> Option<Response> {
    let port = single(request.headers(), HOST)?.strip_prefix("localhost:")?;
    let mut response = text(StatusCode::TEMPORARY_REDIRECT, "");
    let url = format!("http://127.0.0.1:{port}{}", request.uri());
    let url = HeaderValue::try_from(url).ok()?;
    response.headers_mut().insert(LOCATION, url);
    Some(response)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Creates a built page in a folder of the test's own.
    fn built(test: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("sparks-page-{test}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("dist/assets")).unwrap();
        for (name, text) in [
            ("dist/index.html", "<!doctype html>"),
            ("dist/assets/main-abc123.js", "1"),
            ("dist/.secret.js", "2"),
            ("outside.js", "3"),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        folder.join("dist")
    }

    fn ask(folder: &Path, method: Method, path: &str) -> Option<Response> {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header(HOST, "127.0.0.1:8787");
        answer(folder, &request.body(Bytes::new()).unwrap())
    }

    fn get(folder: &Path, path: &str) -> Option<Response> {
        ask(folder, Method::GET, path)
    }

    #[test]
    fn every_screen_and_payment_redirect_serves_the_page() {
        let folder = built("screens");
        for path in ["/", "/buy", "/account", "/paid?session_id=cs_test_1"] {
            let response = get(&folder, path).unwrap();
            let headers = response.headers();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
            assert_eq!(headers[CACHE_CONTROL], "no-cache");
            assert!(headers.contains_key("content-security-policy"));
        }
    }

    #[test]
    fn hashed_files_are_cached_by_the_browser() {
        let response = get(&built("hashed"), "/assets/main-abc123.js").unwrap();
        let headers = response.headers();
        assert_eq!(headers[CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(
            headers[CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }

    #[test]
    fn only_the_page_and_its_files_are_served() {
        let folder = built("files");
        for path in [
            "/v1/balance",
            "/index.html/",
            "/.secret.js",
            "/../outside.js",
            "/assets/../../outside.js",
            "/assets/..%2f..%2foutside.js",
            "/assets/",
            "/missing.js",
            "/main.rs",
        ] {
            assert!(get(&folder, path).is_none(), "{path} is served");
        }
        assert!(ask(&folder, Method::POST, "/").is_none());
    }

    #[test]
    fn without_a_build_the_page_says_how_to_build_it() {
        let folder = Path::new("/nonexistent");
        let response = get(folder, "/").unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(String::from_utf8_lossy(response.body()).contains("make web"));
        assert!(!is_built(folder));
    }

    #[test]
    fn localhost_redirects_to_the_address_that_payments_return_to() {
        let request = http::Request::builder().uri("/buy?a=1");
        let request = request.header(HOST, "localhost:8787");
        let response = answer(&built("host"), &request.body(Bytes::new()).unwrap()).unwrap();
        assert_eq!(
            response.headers()[LOCATION],
            "http://127.0.0.1:8787/buy?a=1"
        );
    }
}
