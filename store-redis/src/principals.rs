//! The sessions by principal.

use async_trait::async_trait;
use futures_util::future::join_all;
use session_core::store::{PrincipalIndex, StoreError};
use session_core::{PrincipalKey, Record, SessionHandle, StoreKey, Timestamp};

use crate::connection::Deadline;
use crate::error::Fault;
use crate::lists::{Named, is_of};
use crate::moving::Found;
use crate::record::record;
use crate::script::{Call, FINISH, number};
use crate::store::{RedisStore, never_arrives};

/// How many sessions are looked at at once.
pub(crate) const AT_ONCE: usize = 64;

/// How many moves are followed to a session that is to be ended.
const MOVES_MAX: usize = 64;

/// Who is told that a session was ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// Whoever ended it.
    ToCaller,
    /// Whoever sweeps.
    BySweep,
}

impl RedisStore {
    /// What is under each of the keys now. A record that is damaged is nothing: nobody can use
    /// it.
    pub(crate) async fn look_at(
        &self,
        named: &[Named],
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Vec<Found>, Fault> {
        let mut all = Vec::with_capacity(named.len());
        for some in named.chunks(AT_ONCE) {
            let looks = some
                .iter()
                .map(|named| self.follow(&named.key, now, deadline));
            for found in join_all(looks).await {
                all.push(match found {
                    Err(Fault::Record(StoreError::Unreadable(_))) => Found::Nothing,
                    found => found?,
                });
            }
        }
        Ok(all)
    }

    async fn sessions_of(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, Fault> {
        let named = self.named(principal, self.deadline()).await?;
        let mut sessions: Vec<Record> = Vec::new();
        for some in named.chunks(AT_ONCE) {
            for found in self.look_at(some, now, self.deadline()).await? {
                if let Found::Live(record) = found
                    && is_of(&record, principal)
                {
                    sessions.push(*record);
                }
            }
        }
        sessions.sort_by_key(|record| {
            let login = record.authentication.as_ref();
            (login.map(|login| login.authenticated_at), record.key)
        });
        sessions.dedup_by_key(|record| record.key);
        Ok(sessions)
    }

    /// Ends a session wherever it has moved to, if it is still this principal's.
    pub(crate) async fn end_session(
        &self,
        principal: &PrincipalKey,
        mut key: StoreKey,
        handle: &SessionHandle,
        report: Report,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Record>, Fault> {
        let names = self.names();
        for _ in 0..MOVES_MAX {
            let group = names.group_of(&key);
            let call = Call::of(&FINISH, group)
                .key(names.session(&key))
                .key(names.generation(group))
                .key(names.index(group))
                .key(names.ended(group))
                .arg(number(now.as_millis()))
                .arg(*key.as_bytes())
                .arg(*principal.as_bytes())
                .arg(*handle.as_bytes())
                .arg(match report {
                    Report::ToCaller => "0",
                    Report::BySweep => "1",
                });
            let mut answer = self.call(&call, deadline).await?;
            match answer.letter {
                b'O' => return Ok(Some(record(answer.list().unwrap_or_default())?)),
                b'A' => return Ok(None),
                b'F' => key = StoreKey::from_bytes(answer.array()?),
                b'S' => {
                    let from = StoreKey::from_bytes(answer.array()?);
                    if !self.bring(&from, &key, now, deadline).await? {
                        return Ok(None);
                    }
                }
                _ => return answer.unexpected(),
            }
        }
        Err(never_arrives())
    }

    async fn end_listed(
        &self,
        principal: &PrincipalKey,
        session: &Record,
        now: Timestamp,
    ) -> Result<Option<Record>, Fault> {
        let deadline = self.deadline();
        let (key, handle) = (session.key, &session.handle);
        let ended = self
            .end_session(principal, key, handle, Report::ToCaller, now, deadline)
            .await?;
        if let Some(ended) = &ended {
            self.strike_off(ended, deadline).await;
        }
        Ok(ended)
    }
}

#[async_trait]
impl PrincipalIndex for RedisStore {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        Ok(self.sessions_of(principal, now).await?)
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let sessions = self.sessions_of(principal, now).await?;
        match sessions.iter().find(|session| session.handle == *handle) {
            Some(session) => Ok(self.end_listed(principal, session, now).await?),
            None => Ok(None),
        }
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let mut sessions = self.sessions_of(principal, now).await?;
        sessions.retain(|session| Some(&session.handle) != spared);
        let (mut ended, mut fault) = (Vec::new(), None);
        for some in sessions.chunks(AT_ONCE) {
            let ends = some
                .iter()
                .map(|session| self.end_listed(principal, session, now));
            for end in join_all(ends).await {
                match end {
                    Ok(record) => ended.extend(record),
                    // The others end nevertheless.
                    Err(failed) => fault = Some(failed),
                }
            }
        }
        match fault {
            Some(fault) => Err(fault.into()),
            None => Ok(ended),
        }
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        Ok(self.raise_generation().await?)
    }
}
