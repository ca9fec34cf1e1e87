//! Somebody in front of a browser: pages, forms and the cookie of a session.

use std::net::SocketAddr;

use super::app::ADMIN_TOKEN;
use super::{Call, Reply, TestApp};

/// A browser at the server, with the cookies it was given.
#[derive(Clone)]
pub(crate) struct Browser {
    addr: SocketAddr,
    cookies: Vec<String>,
    language: &'static str,
}

impl TestApp {
    /// A browser in which nobody is signed in.
    pub(crate) fn browser(&self) -> Browser {
        Browser { addr: self.addr(), cookies: Vec::new(), language: "en" }
    }

    /// A browser in which the admin is signed in.
    pub(crate) fn console(&self) -> Browser {
        let reply = self.browser().post("/dashboard/sign-in", &[("token", ADMIN_TOKEN)]).expect(303);
        self.browser().with_cookie(&reply.cookie())
    }
}

impl Browser {
    /// The same with one more cookie: `name=value`.
    pub(crate) fn with_cookie(mut self, cookie: &str) -> Self {
        self.cookies.push(cookie.to_owned());
        self
    }

    /// The same for somebody who reads Chinese.
    pub(crate) fn in_chinese(mut self) -> Self {
        self.language = "zh-CN";
        self
    }

    /// A request as a browser sends it; one that changes something says from which page it comes.
    pub(crate) fn call(&self, method: &'static str, path: &str) -> Call {
        let mut call = Call::new(self.addr, method, path).header("accept-language", self.language);
        if !self.cookies.is_empty() {
            call = call.header("cookie", &self.cookies.join("; "));
        }
        if method == "GET" { call } else { call.header("origin", &format!("http://{}", self.addr)) }
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path).send()
    }

    /// Sends a form.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.call("POST", path).form(fields).send()
    }

    /// Sends a form that is taken, and gives the page that it leads to.
    #[track_caller]
    pub(crate) fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = self.post(path, fields).expect(303);
        self.get(reply.header("location").expect("where it leads")).expect(200)
    }
}
