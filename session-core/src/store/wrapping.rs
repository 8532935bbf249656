//! What a store has that another one wraps. A wrapper shows a capability only where there is
//! one behind it, so a missing one is an error of whoever calls it nevertheless.

use super::{ImmediateStore, PrincipalIndex, SessionStore, StoreError};

/// The immediate door of a wrapped store.
pub(crate) fn door_of(store: &dyn SessionStore) -> Result<&dyn ImmediateStore, StoreError> {
    store
        .immediate()
        .ok_or_else(|| StoreError::Unavailable("the wrapped store has no immediate door".into()))
}

/// The sessions by principal of a wrapped store.
pub(crate) fn index_of(store: &dyn SessionStore) -> Result<&dyn PrincipalIndex, StoreError> {
    store
        .principals()
        .ok_or_else(|| StoreError::Unavailable("the wrapped store knows no principals".into()))
}
