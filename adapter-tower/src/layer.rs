//! The layer and its service.

use std::marker::PhantomData;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use session_core::{Main, SessionManager};
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{BodyPolicy, WrapBody};
use crate::future::ResponseFuture;
use crate::headers::RequestFacts;
use crate::runtime::TokioRuntime;

/// Gives every request of a service its session.
///
/// To be made inside a tokio runtime, so that the engine has one for what happens beside
/// requests; failing that, the first request brings it.
pub struct SessionLayer<S = Main, P = WrapBody> {
    sessions: SessionManager<S>,
    secure: bool,
    policy: PhantomData<fn() -> P>,
}

impl<S, P> SessionLayer<S, P> {
    /// A layer with the sessions of this manager.
    #[must_use]
    pub fn new(sessions: SessionManager<S>) -> Self {
        attach_runtime(&sessions);
        Self {
            sessions,
            secure: false,
            policy: PhantomData,
        }
    }

    /// Says that requests reach this service over HTTPS, a proxy in front included. It matters
    /// only where the manager was built with `secure(false)`: the cookie is then `Secure` all
    /// the same. No header can say this, since a client can set any header.
    #[must_use]
    pub fn behind_https(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }
}

impl<S, P> Clone for SessionLayer<S, P> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            secure: self.secure,
            policy: PhantomData,
        }
    }
}

impl<S, P> std::fmt::Debug for SessionLayer<S, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionLayer").finish_non_exhaustive()
    }
}

impl<S, P, I> Layer<I> for SessionLayer<S, P> {
    type Service = SessionService<I, S, P>;

    fn layer(&self, inner: I) -> Self::Service {
        SessionService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests have a session; made by [`SessionLayer`].
#[derive(Debug)]
pub struct SessionService<I, S = Main, P = WrapBody> {
    inner: I,
    layer: SessionLayer<S, P>,
}

impl<I: Clone, S, P> Clone for SessionService<I, S, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<I, S, P, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<I, S, P>
where
    I: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
    P: BodyPolicy<ResBody, S>,
    S: 'static,
{
    type Response = Response<P::Body>;
    type Error = I::Error;
    type Future = ResponseFuture<I::Future, S, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if !self.layer.sessions.has_runtime() {
            attach_runtime(&self.layer.sessions);
        }
        let exchange = self.layer.sessions.begin(&RequestFacts {
            request: &request,
            secure: self.layer.secure,
        });
        request.extensions_mut().insert(exchange.handle());
        ResponseFuture::new(self.inner.call(request), exchange)
    }
}

/// Hands the caller's runtime to the engine, if there is one.
fn attach_runtime<S>(sessions: &SessionManager<S>) {
    if let Some(runtime) = TokioRuntime::current() {
        sessions.attach_runtime(std::sync::Arc::new(runtime));
    }
}
