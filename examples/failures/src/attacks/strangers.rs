//! Ids that the server did not give, or gave and took back.

use super::Attack;
use crate::likeness::Likeness;
use crate::site::Site;
use crate::verdict::{Attempt, described, ensure};

pub(super) const ATTACKS: [Attack; 2] = [
    Attack {
        name: "chosen-ids",
        requirement: "ID-4",
        elsewhere: "#1, #2, #5: gofiber CVE-2024-38513; CodeIgniter CVE-2018-12071; PHP",
        tried: "writes under ids that the client made up, or whose session has ended",
        run: chosen_ids,
    },
    Attack {
        name: "look-alike",
        requirement: "LK-2",
        elsewhere: "",
        tried: "malformed, forged and ended ids: can the answers be told apart?",
        run: look_alike,
    },
];

fn chosen_ids(site: &Site) -> Attempt {
    let model = site.owner()?;
    let length = model.token().len();
    let mut chosen: Vec<String> = [
        "attacker",
        "attacker.attacker",
        "00000000000000000000000000000000",
        "6f1c2e0a-7b3d-4c7e-9f51-2d8a1b6c4e90",
    ]
    .map(str::to_owned)
    .into();
    chosen.push(site.chance.word("chosen"));
    chosen.push("A".repeat(length));
    // What a client can make of a token that was good once.
    if let Some(ended) = ended_token(site)? {
        chosen.extend(ended.split('.').next().map(str::to_owned));
        chosen.push(ended);
    }
    for id in chosen {
        let (name, value) = (site.chance.word("n"), site.chance.word("v"));
        let mut stranger = site.carrier(&id);
        let answer = stranger.write(&name, &value)?;
        let given = site.given(&answer);
        ensure(given != Some(Some(id.clone())), || {
            "an id of the client's choice was given back to it".into()
        })?;
        let seen = site.carrier(&id).read(&name)?;
        ensure(!seen.body.contains(&value), || {
            "an id of the client's choice became a session".into()
        })?;
    }
    Ok(())
}

/// The token of a session that ended; `None` where the target describes no way to end one.
fn ended_token(site: &Site) -> Attempt<Option<String>> {
    let Some(logout) = &site.target.logout else {
        return Ok(None);
    };
    let mut owner = site.owner()?;
    let token = owner.token().to_owned();
    owner.visitor.ask(logout, &[])?;
    Ok(Some(token))
}

fn look_alike(site: &Site) -> Attempt {
    described(site.target.logout.as_ref(), "logout")?;
    let live = site.owner()?;
    let ended = ended_token(site)?.unwrap_or_default();
    let forged: String = live
        .token()
        .chars()
        .enumerate()
        .map(|(at, own)| match own {
            'A' if at == live.token().len() - 5 => 'B',
            _ if at == live.token().len() - 5 => 'A',
            own => own,
        })
        .collect();
    let name = site.chance.word("n");
    let ask = |value: &str| {
        let cookie = format!("{}={value}", site.target.cookie);
        site.send(&site.reading(&name).with("cookie", cookie))
    };
    let malformed = Likeness::of_two(site, || ask("malformed"))?;
    malformed.must_equal(site, &ask(&forged)?, "a forged id")?;
    malformed.must_equal(site, &ask(&ended)?, "an id whose session has ended")
}
