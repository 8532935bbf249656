//! The sessions of a store by principal: what "your devices" and "log out everywhere" need.

use async_trait::async_trait;

use super::StoreError;
use crate::clock::Timestamp;
use crate::session::{PrincipalKey, Record, SessionHandle};

/// The sessions of a store by principal: a capability that a store may have.
///
/// # The rules
///
/// They follow on those of the [store](super), and each is a test of the same name in
/// `testkit::store::principal_rules`. "Listed" means answered by [`list`](Self::list). "Gone"
/// and "live" are as there.
///
/// 41. `a_session_is_listed_under_its_principal_from_the_login_on`: whether it was created
///     with it, applied or renamed; with its record, but without attributes.
/// 42. `a_session_that_ended_or_expired_is_not_listed`: deleted, idle too long, or logged in
///     as somebody else.
/// 43. `a_listed_session_keeps_its_handle_over_renames`.
/// 44. `principals_are_told_apart_by_their_keys_alone`: whatever their names are.
/// 45. `ending_by_handle_ends_that_session_of_that_principal`: and answers it as it was; an
///     unknown handle, and one of somebody else, is `None` and ends nothing.
/// 46. `ending_all_but_one_spares_that_one`: and answers the others as they were.
/// 47. `an_ended_session_is_gone_for_every_verb`: and no write in flight revives it.
/// 48. `a_full_principal_is_refused_or_its_oldest_logins_end`: by the policy of the limit, on
///     create, apply and rename; nothing is applied by a refusal.
/// 49. `a_limit_counts_live_sessions_of_others_only`: not what expired, nor the session that
///     logs in again.
/// 50. `parallel_logins_never_exceed_the_limit`.
/// 51. `ending_everybody_ends_every_session_there_is`: in one step, whatever their number; a
///     session that is made afterwards lives.
/// 52. `what_a_store_ended_by_itself_is_reported_by_a_sweep_once`: with the reason, `Replaced`
///     or `Generation`.
#[async_trait]
pub trait PrincipalIndex: Send + Sync {
    /// The live sessions of a principal without their attributes, the oldest login first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError>;

    /// Ends the live session with this handle, if it is this principal's, and answers it as it
    /// was, attributes included.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError>;

    /// Ends the live sessions of a principal, but not the one with the handle `spared`, and
    /// answers them as they were, attributes included.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError>;

    /// Ends every session of the store, anonymous ones included, by raising its generation:
    /// the time that takes does not depend on how many there are.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn end_everybody(&self) -> Result<(), StoreError>;
}
