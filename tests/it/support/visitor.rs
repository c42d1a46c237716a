//! Someone who looks at pages of `shop.example` and keeps cookies.

use super::client::{Connection, Request, fetch};
use super::wire::{Ending, Response};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A visitor, or the lack of one: whoever keeps no cookies is new on every page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visitor {
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// Goes to a page, which must arrive whole.
    pub(crate) fn visit(&mut self, address: SocketAddr, path: &str) -> Response {
        let response = fetch(address, &self.request(path));
        self.keep(&response);
        response
    }

    /// The same over a connection that is kept.
    pub(crate) fn visit_over(&mut self, connection: &mut Connection, path: &str) -> Response {
        let response = connection.exchange(&self.request(path));
        self.keep(&response);
        response
    }

    /// The request for a page, cookies included.
    pub(crate) fn request(&self, path: &str) -> Request {
        let request = Request::page(path);
        if self.cookies.is_empty() { request } else { request.header("Cookie", &self.cookie_header()) }
    }

    /// The `Cookie` header that a browser would send.
    pub(crate) fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// The names of the cookies that it holds.
    pub(crate) fn cookie_names(&self) -> Vec<&str> {
        self.cookies.keys().map(String::as_str).collect()
    }

    /// Takes the cookies of an answer, as a browser would.
    pub(crate) fn keep(&mut self, response: &Response) {
        assert_eq!(response.ending, Ending::Complete, "{:?}", response.head);
        for cookie in response.all("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}
