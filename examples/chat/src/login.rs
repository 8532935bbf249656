//! Registering, logging in and out over HTTP, and who is logged in.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use session_core::{LoginOptions, Session, SessionView};

use crate::accounts::{AccountName, Password};
use crate::answer::{Answer, Content, NO_STORE, answer, json};
use crate::app::App;
use crate::refusal::Refusal;
use crate::{body, device, shared};

/// How large the body of a login may be: room for the longest password, also where every byte
/// of it is escaped.
pub const BODY_LIMIT: usize = 16 << 10;

/// How long a login is remembered that asks for it, beyond the end of the browser.
const REMEMBERED_FOR: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A request to be let in: who claims to be whom, and where.
#[derive(Debug)]
pub struct Knock {
    credentials: Result<Credentials, Refusal>,
    device: Cow<'static, str>,
}

/// The body of a registration and of a login.
#[derive(Debug, Deserialize)]
struct Credentials {
    name: String,
    password: Password,
    #[serde(default)]
    remember: bool,
}

impl Knock {
    /// Reads a request by whatever finds a header by its name, and its body. For a body that
    /// could not be read comes the status that the framework would have answered.
    pub(crate) fn read<'h>(
        header: impl Fn(HeaderName) -> Option<&'h [u8]>,
        body: Result<Bytes, StatusCode>,
    ) -> Self {
        let credentials = body::read(header(header::CONTENT_TYPE), body);
        Self {
            credentials: credentials.map_err(Refusal::NotCredentials),
            device: device::label(header(header::USER_AGENT)),
        }
    }
}

/// Who is logged in.
#[derive(Debug, Serialize)]
struct WhoAmI<'a> {
    account: Option<Account<'a>>,
}

#[derive(Debug, Serialize)]
struct Account<'a> {
    name: &'a str,
}

impl<'a> WhoAmI<'a> {
    fn of(principal: Option<&'a str>) -> Self {
        Self {
            account: principal.map(|name| Account { name }),
        }
    }
}

/// `GET /api/account`: who is logged in. A look that is no access.
pub fn who_am_i(view: Option<&SessionView>) -> Answer {
    let principal = view.and_then(SessionView::principal);
    json(
        StatusCode::OK,
        [NO_STORE],
        &WhoAmI::of(principal.as_deref()),
    )
}

/// `POST /api/account/register`: makes an account and logs it in.
///
/// # Errors
/// [`Refusal`] when there is no new account, or when it exists and the session did not take the
/// login.
pub async fn register(app: &App, session: Session, knock: Knock) -> Result<Answer, Refusal> {
    let asked = knock.credentials?;
    let name = app.accounts.register(&asked.name, asked.password).await?;
    let_in(app, &session, &name, knock.device, asked.remember).await?;
    let account = WhoAmI::of(Some(name.as_str()));
    Ok(json(StatusCode::CREATED, [NO_STORE], &account))
}

/// `POST /api/account/login`
///
/// # Errors
/// [`Refusal`] when the visitor is not let in; the session is as it was then.
pub async fn log_in(app: &App, session: Session, knock: Knock) -> Result<Answer, Refusal> {
    let asked = knock.credentials?;
    let name = app.accounts.verify(&asked.name, asked.password).await?;
    let_in(app, &session, &name, knock.device, asked.remember).await?;
    let account = WhoAmI::of(Some(name.as_str()));
    Ok(json(StatusCode::OK, [NO_STORE], &account))
}

/// Lets somebody in who proved to be `name`: the one place where a session becomes that of an
/// account. The id changes. The conversation of an anonymous visitor joins that of the account;
/// over another account the session starts with nothing but the conversation of this one.
async fn let_in(
    app: &App,
    session: &Session,
    name: &AccountName,
    device: Cow<'static, str>,
    remember: bool,
) -> Result<(), Refusal> {
    let mut login = LoginOptions::of(name.principal()).label(device);
    if remember {
        login = login.remember_for(REMEMBERED_FOR);
    }
    session.login(login)?;
    session.save().await?;
    // Whoever is logged in has a conversation also when this goes wrong: the next request for it
    // makes up for that.
    let limit = app.chat.limits.session;
    shared::bring_together(&app.accounts, session, limit).await?;
    Ok(())
}

/// `POST /api/account/logout`: ends the session, the conversation with it. Who is not logged in
/// keeps theirs: a page that does not know it yet must not forget it.
///
/// # Errors
/// [`Refusal::Session`] when the session cannot be ended.
pub async fn log_out(session: Option<Session>) -> Result<Answer, Refusal> {
    if let Some(session) = session
        && session.principal()?.is_some()
    {
        session.logout()?;
        session.save().await?;
    }
    Ok(answer(StatusCode::NO_CONTENT, [], Content::EMPTY))
}
