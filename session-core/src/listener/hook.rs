//! Listeners of one attribute (`HttpSessionBindingListener`).

use std::marker::PhantomData;

use async_trait::async_trait;

use super::{AttributeValue, SessionChange, SessionListener, SessionNotice};
use crate::session::SessionAttribute;

/// Is told when values of one typed attribute become part of a session and when they are no
/// longer (`HttpSessionBindingListener`): each value that was bound is unbound once, also when
/// its session ends.
///
/// As for a [`SessionListener`], this is told after the store has accepted it. A value that is
/// not a `T` is not told.
#[async_trait]
pub trait AttributeHook<T>: Send + Sync + 'static {
    /// `value` is part of the session (`valueBound`).
    async fn bound(&self, value: T, notice: &SessionNotice);

    /// `value` is no longer part of the session (`valueUnbound`).
    async fn unbound(&self, value: T, notice: &SessionNotice);
}

/// A hook as a listener.
pub(crate) struct Hooked<T, H> {
    hook: H,
    value: PhantomData<fn() -> T>,
}

impl<T, H> Hooked<T, H> {
    pub(crate) const fn new(hook: H) -> Self {
        Self {
            hook,
            value: PhantomData,
        }
    }
}

#[async_trait]
impl<T: SessionAttribute + Send + 'static, H: AttributeHook<T>> SessionListener for Hooked<T, H> {
    async fn notified(&self, notice: &SessionNotice) {
        let (name, bound, unbound) = match notice.change() {
            SessionChange::AttributeAdded { name, value } => (name, Some(value), None),
            SessionChange::AttributeReplaced { name, old, value } => (name, Some(value), Some(old)),
            SessionChange::AttributeRemoved { name, old } => (name, None, Some(old)),
            _ => return,
        };
        if **name != *T::NAME {
            return;
        }
        // The new value is bound before the old one is unbound (Servlet 7.4).
        if let Some(value) = bound.and_then(decoded) {
            self.hook.bound(value, notice).await;
        }
        if let Some(value) = unbound.and_then(decoded) {
            self.hook.unbound(value, notice).await;
        }
    }
}

fn decoded<T: SessionAttribute>(value: &AttributeValue) -> Option<T> {
    value.get().ok()
}
