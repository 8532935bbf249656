//! What one visitor does with one session.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::SessionError;
use crate::session::{LoginOptions, Session, SessionAttribute};
use crate::testkit::chance::Chance;

/// An attribute with a hook.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Seat(usize);

impl SessionAttribute for Seat {
    const NAME: &'static str = "seat";
}

/// Who logs in: few enough that sessions of one meet.
pub(super) const PRINCIPALS: [&str; 3] = ["ada", "eve", "kim"];

/// What a deed made of the session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    /// It is what it was, with other contents.
    Itself,
    /// It ended.
    Ended,
}

/// Does something with `session`.
pub(super) async fn deed(session: &Session, chance: &mut Chance) -> Result<Became, SessionError> {
    match chance.below(24) {
        0..=4 => set(session, chance)?,
        5..=6 => drop(session.update_attribute("sum", |sum: &mut u64| *sum += 1)?),
        7..=8 => session.append_attribute("list", &chance.below(9))?,
        9..=10 => session.set(&Seat(chance.below(9)))?,
        11 => session.remove::<Seat>()?,
        12 => session.remove_attribute(chance.pick(&NAMES))?,
        13 => drop(session.take_attribute::<String>(chance.pick(&NAMES))?),
        14 => session.set_max_inactive_interval(chance.pick(&[
            None,
            Some(Duration::from_secs(60)),
            Some(Duration::from_secs(40 * 60)),
        ]))?,
        15 => drop(session.change_session_id()?),
        16..=18 => log_in(session, chance)?,
        19 => {
            session.logout()?;
            return Ok(Became::Ended);
        }
        20 => {
            session.invalidate()?;
            return Ok(Became::Ended);
        }
        _ => drop(session.save().await?),
    }
    Ok(Became::Itself)
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn set(session: &Session, chance: &mut Chance) -> Result<(), SessionError> {
    let length = match chance.below(8) {
        0 => 3_000,
        length => length,
    };
    session.set_attribute(chance.pick(&NAMES), &"x".repeat(length))
}

fn log_in(session: &Session, chance: &mut Chance) -> Result<(), SessionError> {
    let mut login = LoginOptions::of(chance.pick(&PRINCIPALS));
    if chance.one_in(2) {
        login = login.label("Firefox on Linux");
    }
    if chance.one_in(4) {
        login = login.remember_for(Duration::from_secs(2 * 60 * 60));
    }
    session.login(login)
}
