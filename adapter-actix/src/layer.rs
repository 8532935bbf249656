//! The middleware and its service.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpMessage};
use session_core::{Main, SessionManager};

use crate::body::SessionBody;
use crate::future::ResponseFuture;
use crate::headers::RequestFacts;
use crate::runtime::ActixRuntime;

/// Gives every request of an application, a scope or a resource its session.
///
/// To be made once, inside the runtime of `main`, and cloned into each worker, so that the
/// engine has a runtime for what happens beside requests that outlives the workers; failing
/// that, the first request brings its own.
pub struct SessionMiddleware<S = Main> {
    sessions: SessionManager<S>,
    secure: bool,
}

impl<S> SessionMiddleware<S> {
    /// A middleware with the sessions of this manager.
    #[must_use]
    pub fn new(sessions: SessionManager<S>) -> Self {
        attach_runtime(&sessions);
        Self {
            sessions,
            secure: false,
        }
    }

    /// Says that requests reach this application over HTTPS, a proxy in front included. It
    /// matters only where the manager was built with `secure(false)`: the cookie is then
    /// `Secure` all the same. No header can say this, since a client can set any header.
    #[must_use]
    pub fn behind_https(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }
}

impl<S> Clone for SessionMiddleware<S> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            secure: self.secure,
        }
    }
}

impl<S> std::fmt::Debug for SessionMiddleware<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionMiddleware").finish_non_exhaustive()
    }
}

impl<S, I, B> Transform<I, ServiceRequest> for SessionMiddleware<S>
where
    S: 'static,
    I: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<SessionBody<B, S>>;
    type Error = Error;
    type Transform = SessionService<I, S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: I) -> Self::Future {
        let middleware = self.clone();
        ready(Ok(SessionService { inner, middleware }))
    }
}

/// A service whose requests have a session; made by [`SessionMiddleware`].
#[derive(Debug)]
pub struct SessionService<I, S = Main> {
    inner: I,
    middleware: SessionMiddleware<S>,
}

impl<S, I, B> Service<ServiceRequest> for SessionService<I, S>
where
    S: 'static,
    I: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<SessionBody<B, S>>;
    type Error = Error;
    type Future = ResponseFuture<I::Future, B, S>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let SessionMiddleware { sessions, secure } = &self.middleware;
        if !sessions.has_runtime() {
            attach_runtime(sessions);
        }
        let exchange = sessions.begin(&RequestFacts {
            request: &request,
            secure: *secure,
        });
        request.extensions_mut().insert(exchange.handle());
        ResponseFuture::new(self.inner.call(request), exchange)
    }
}

/// Hands the caller's runtime to the engine, if there is one.
fn attach_runtime<S>(sessions: &SessionManager<S>) {
    if let Some(runtime) = ActixRuntime::current() {
        sessions.attach_runtime(Arc::new(runtime));
    }
}
