//! On axum: the routers are called as tower services, as `axum::serve` does it.

mod ours;
mod tower_sessions;

use axum::Router;
use axum::body::Body;
use futures_util::future::LocalBoxFuture;
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower_service::Service;

use self::tower_sessions::Visits::{Count, DoNotCount};
use crate::site::{Library, Page, Site, Trouble, pair};

pub(crate) const OURS_ON_REDIS: Library = Library {
    name: "ours, axum",
    is_peer: false,
    open: |url| Box::pin(async { site(ours::on_redis(url).await) }),
};

pub(crate) const OURS_ON_SQL: Library = Library {
    name: "ours, axum",
    is_peer: false,
    open: |url| Box::pin(async { site(ours::on_sql(url).await) }),
};

pub(crate) const TOWER_SESSIONS_ON_REDIS: [Library; 2] = [
    Library {
        name: TOWER_SESSIONS,
        is_peer: true,
        open: |url| Box::pin(async { site(tower_sessions::on_redis(url, DoNotCount).await) }),
    },
    Library {
        name: TOWER_SESSIONS_WITH_VISITS,
        is_peer: true,
        open: |url| Box::pin(async { site(tower_sessions::on_redis(url, Count).await) }),
    },
];

pub(crate) const TOWER_SESSIONS_ON_POSTGRES: [Library; 2] = [
    Library {
        name: TOWER_SESSIONS,
        is_peer: true,
        open: |url| Box::pin(async { site(tower_sessions::on_postgres(url, DoNotCount).await) }),
    },
    Library {
        name: TOWER_SESSIONS_WITH_VISITS,
        is_peer: true,
        open: |url| Box::pin(async { site(tower_sessions::on_postgres(url, Count).await) }),
    },
];

pub(crate) const TOWER_SESSIONS_ON_SQLITE: [Library; 2] = [
    Library {
        name: TOWER_SESSIONS,
        is_peer: true,
        open: |url| Box::pin(async { site(tower_sessions::on_sqlite(url, DoNotCount).await) }),
    },
    Library {
        name: TOWER_SESSIONS_WITH_VISITS,
        is_peer: true,
        open: |url| Box::pin(async { site(tower_sessions::on_sqlite(url, Count).await) }),
    },
];

const TOWER_SESSIONS: &str = "tower-sessions 0.14, axum";
const TOWER_SESSIONS_WITH_VISITS: &str = "  where visits count";

fn site(router: Result<Router, Trouble>) -> Result<Box<dyn Site>, Trouble> {
    Ok(Box::new(AxumSite(router?.with_state(()))))
}

struct AxumSite(Router);

impl Site for AxumSite {
    fn ask<'a>(
        &'a self,
        path: &'static str,
        cookie: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<Page, Trouble>> {
        Box::pin(async move {
            let mut request = Request::builder().uri(path);
            if let Some(cookie) = cookie {
                request = request.header(COOKIE, cookie);
            }
            let response = self.0.clone().call(request.body(Body::empty())?).await?;
            let (head, body) = response.into_parts();
            let text = String::from_utf8(body.collect().await?.to_bytes().into())?;
            if head.status != StatusCode::OK {
                return Err(format!("{path}: {} {text}", head.status).into());
            }
            let set_cookie = head.headers.get(SET_COOKIE);
            let cookie = set_cookie.and_then(|value| value.to_str().ok()).map(pair);
            Ok(Page { text, cookie })
        })
    }
}
