//! The types of the core.

use std::sync::Arc;
use std::time::Duration;

use session_core::store::memory::{SnapshotError, WhenFull};
use session_core::store::{
    Access, Applied, Created, Deleted, Loaded, RemovalReason, Removed, StoreError, Swept, Verb,
};
use session_core::{
    AssuranceLevel, AtLimit, AttributeChange, ChangeSet, Clock, ConfigError, CookieError,
    DropReason, Edit, EndReason, EntropyError, EnvelopeError, Expected, FailedCommit, IdSource,
    Items, KeyError, Limits, Login, LoginOptions, MaxInactiveInterval, MemoryStore, Record,
    Refusal, Rejection, Reply, SaveOutcome, SecretKey, SessionChange, SessionError, SessionEvent,
    SessionHandle, SessionLimit, SessionManager, SystemClock, SystemEntropy, TokenHeaderError,
    Touch,
};

use crate::material::{Diary, KEY, Material, OLDER_KEY, VALUE};
use crate::printed::Printed;

pub(crate) async fn print(material: &Material, printed: &mut Printed) {
    of_a_manager(material, printed).await;
    of_a_request(material, printed).await;
    of_a_session(material, printed).await;
    of_notices(material, printed);
    of_records(&material.record, printed);
    of_changes(&material.record, printed);
    of_answers(&material.record, printed);
    of_settings(printed);
}

async fn of_a_manager(material: &Material, printed: &mut Printed) {
    let sessions = material.site.sessions();
    printed.debug(sessions);
    let builder = SessionManager::builder()
        .secret_key(SecretKey::new(KEY).unwrap())
        .previous_key(SecretKey::new(OLDER_KEY).unwrap())
        .shared_store(material.store.clone());
    printed.debug(&builder);
    printed.debug(&SecretKey::new(KEY).unwrap());
    printed.debug(&sessions.stats().unwrap());
    printed.debug(&sessions.stats().unwrap().store_calls(Verb::Load));
    printed.debug(&*material.store);
    printed.debug(&MemoryStore::builder());
    printed.debug(&session_core::store::Census::default());
    for listed in sessions.sessions_of("ada").await.unwrap() {
        printed.debug(&listed);
        printed.display(&listed.handle());
    }
}

async fn of_a_request(material: &Material, printed: &mut Printed) {
    let exchange = material.visitor.begin();
    let handle = exchange.handle();
    printed.debug(&exchange);
    printed.debug(&handle);
    printed.debug(&handle.requested_session_id().unwrap());
    printed.debug(&handle.requested_session_id_source().unwrap());
    let opening = handle.session();
    printed.debug(&opening);
    let session = opening.await.unwrap();
    printed.debug(&exchange);
    session.change_session_id().unwrap();
    // A cookie of its own is on its way out.
    let mut visitor = material.site.visitor();
    let mut exchange = visitor.begin();
    let session = exchange.handle().session().await.unwrap();
    session.set(&Diary(VALUE.into())).unwrap();
    printed.debug(&session.save().await.unwrap());
    let delivery = exchange.commit().await.unwrap();
    assert!(delivery.set_cookie().is_some());
    printed.debug(&delivery);
    printed.debug(&visitor.receive(delivery));
    session.set_attribute("later", VALUE).unwrap();
    let body = exchange.into_body::<&str>(None, None);
    printed.debug(&body.expect("the session may still change"));
    printed.debug(&session_core::BodyFrame {
        frame: "a piece",
        bytes: 7,
        is_last: false,
    });
}

async fn of_a_session(material: &Material, printed: &mut Printed) {
    let exchange = material.visitor.begin();
    let handle = exchange.handle();
    let view = handle.peek_session().await.unwrap().unwrap();
    printed.debug(&view);
    printed.display(&view.fingerprint());
    let session = handle.session().await.unwrap();
    assert_eq!(session.get::<Diary>().unwrap().unwrap().0, VALUE);
    session.set_attribute("more", VALUE).unwrap();
    printed.debug(&session);
    printed.debug(&session.id().unwrap());
    printed.debug(&session.csrf_token().unwrap());
    let accessor = session.accessor().unwrap();
    printed.debug(&accessor);
    let access = accessor.open().await.unwrap();
    access.set_attribute("more", VALUE).unwrap();
    printed.debug(&access);
    let login = LoginOptions::of("ada").label("her phone");
    printed.debug(&login);
}

fn of_notices(material: &Material, printed: &mut Printed) {
    let mut values = 0;
    for notice in &material.notices {
        printed.debug(notice);
        printed.debug(notice.change());
        if let SessionChange::AttributeReplaced { old, value, .. } = notice.change() {
            assert_eq!(value.get::<Diary>().unwrap().0, VALUE);
            printed.debug(old);
            printed.debug(value);
            values += 1;
        }
    }
    assert!(values > 0, "a value was told");
}

fn of_records(record: &Record, printed: &mut Printed) {
    let attribute = record.attributes.get("diary").unwrap();
    let spelled = attribute.value.bytes();
    assert!(spelled.ends_with(VALUE.as_bytes()));
    printed.debug(record);
    printed.debug(&record.attributes);
    printed.debug(attribute);
    printed.debug(&attribute.value);
    printed.debug(&attribute.value.codec());
    printed.debug(&attribute.revision);
    printed.debug(&record.key);
    printed.debug(&**record.authentication.as_ref().unwrap());
    printed.debug(&record.authentication.as_ref().unwrap().key);
    printed.debug(&record.created_at);
    printed.debug(&record.max_inactive_interval);
}

fn of_changes(record: &Record, printed: &mut Printed) {
    let value = record.attributes.get("diary").unwrap().value.clone();
    let items = Items::from_parts(1, value.bytes().to_vec());
    printed.debug(&items);
    printed.debug(&items.to_list());
    let mut changes = ChangeSet::touch(record.accessed_at, Limits::NONE);
    for edit in [Edit::Put(value), Edit::Append(items), Edit::Remove] {
        printed.debug(&edit);
        changes.attributes.push(AttributeChange {
            name: "diary".into(),
            expected: Expected::At(record.revision),
            edit,
        });
    }
    let login = Login {
        authentication: record.authentication.clone().unwrap(),
        absolute_deadline: record.absolute_deadline,
        limit: None,
    };
    printed.debug(&login);
    changes.login = Some(login);
    printed.debug(&changes);
    printed.debug(&changes.attributes[0]);
    printed.debug(&changes.attributes[0].expected);
    printed.debug(&changes.limits);
    printed.debug(&changes.reply);
    printed.debug(&Reply::Record);
    let mut twin = record.clone();
    printed.debug(&twin.apply(&changes, record.accessed_at).unwrap_err());
    for refusal in [
        Refusal::Conflict,
        Refusal::NotAList("diary".into()),
        Refusal::TooLarge,
    ] {
        printed.debug(&refusal);
    }
}

/// What stores answer.
fn of_answers(record: &Record, printed: &mut Printed) {
    let now = record.accessed_at;
    for applied in [
        Applied::Applied {
            revision: record.revision,
            record: Some(record.clone()),
            before: Some(Box::new(record.clone())),
        },
        Applied::Conflict(record.clone()),
        Applied::Moved(record.key),
        Applied::NotAList("diary".into()),
    ] {
        printed.debug(&applied);
    }
    printed.debug(&Loaded::Live {
        record: record.clone(),
        last_accessed: now,
    });
    printed.debug(&Loaded::Moved { since: now });
    printed.debug(&Deleted::Removed(Some(record.clone())));
    printed.debug(&Deleted::Moved(record.key));
    printed.debug(&Created::Created);
    let removed = Removed {
        record: record.clone(),
        reason: RemovalReason::Expired,
    };
    printed.debug(&removed);
    printed.debug(&removed.reason);
    printed.debug(&Swept {
        removed: vec![removed],
        more: false,
    });
    printed.debug(&Verb::Apply);
    printed.debug(&Access::Peek);
}

/// What can hold no more than a number or the name of a choice.
fn of_settings(printed: &mut Printed) {
    let (clock, chance) = (SystemClock, SystemEntropy::new());
    printed.debug(&clock);
    printed.debug(&clock.now());
    printed.debug(&chance);
    printed.debug(&AssuranceLevel::Aal2);
    printed.debug(&session_core::SameSite::Lax);
    printed.debug(&FailedCommit::KeepResponse);
    printed.debug(&Touch::OnUse);
    printed.debug(&DropReason::Gone);
    printed.debug(&EndReason::LoggedOut);
    printed.debug(&Rejection::BadSignature);
    printed.debug(&SessionEvent::Rejected(Rejection::BadSignature));
    printed.debug(&session_core::DestroyReason::Expired);
    printed.debug(&IdSource::Cookie);
    printed.debug(&SaveOutcome::Stored);
    printed.debug(&MaxInactiveInterval::Never);
    printed.debug(&AtLimit::EndOldest);
    printed.debug(&SessionLimit {
        max: 1,
        at_limit: AtLimit::Refuse,
    });
    printed.debug(&WhenFull::Refuse);
}

/// Errors, those of the configuration with what was configured.
pub(crate) async fn print_errors(material: &Material, printed: &mut Printed) {
    for error in [
        SecretKey::new(&KEY[..31]),
        SecretKey::new(KEY[..16].repeat(2)),
        SecretKey::new(format!("{KEY}changeme")),
        SecretKey::from_env("NO_SUCH_VARIABLE"),
    ]
    .map(Result::unwrap_err)
    {
        printed.error(&error);
        printed.error(&ConfigError::Key(error));
    }
    printed.error(&KeyError::TooMany { count: 9 });
    printed.error(&CookieError::ZeroMaxAge);
    printed.error(&TokenHeaderError::Name {
        name: "no name".into(),
    });
    printed.error(&EntropyError);
    printed.error(&EnvelopeError::Truncated);
    printed.error(&SnapshotError::Record(EnvelopeError::Truncated));
    printed.error(&"no handle".parse::<SessionHandle>().unwrap_err());
    printed.error(&StoreError::Unreadable(EnvelopeError::Order.into()));
    printed.error(&damaged(&material.record));
    let unavailable = StoreError::Unavailable("the connection is lost".into());
    printed.error(&SessionError::Unavailable(Arc::new(unavailable)));
    printed.error(&SessionError::TimedOut(Duration::from_secs(1)));
    let session = material.visitor.begin().handle().session().await.unwrap();
    for error in [
        session.get_attribute::<u32>("diary").err(),
        session.get_attribute::<Vec<u8>>("diary").err(),
        session.get_attribute::<IdSourceLike>("diary").err(),
        session.append_attribute("diary", VALUE).err(),
        session.set_attribute("", VALUE).err(),
        session.verify_csrf(&material.csrf[1..]).err(),
    ] {
        printed.error(&error.expect("each of these fails"));
    }
}

/// A choice that the diary is none of.
#[derive(serde::Deserialize)]
enum IdSourceLike {}

/// A record that was cut off in the middle of the value.
fn damaged(record: &Record) -> EnvelopeError {
    let bytes = record.to_bytes();
    Record::from_bytes(&bytes[..bytes.len() - 9]).unwrap_err()
}
