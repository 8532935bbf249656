//! Tokens of any bytes: a session is only found by a token that was issued for it, letter by
//! letter, and everything else is turned away for the right reason.

use arbitrary::{Result, Unstructured};

use crate::issuer::{Id, Issuer, Signer};
use crate::lines::{NAME, values};
use crate::site::{Site, on_site};

/// One request with the token that `data` stands for.
pub fn run(data: &[u8]) {
    on_site(|site| {
        // A text that ends too early is as good as any other.
        let text = text(&mut Unstructured::new(data), site).unwrap_or_default();
        let mut line = format!("{NAME}=").into_bytes();
        line.extend_from_slice(&text);
        let lines = [line];

        let outcome = site.visit(&lines);
        if let Some(found) = outcome.session {
            let issued = [Signer::Current, Signer::Previous].map(|signer| {
                site.ids()
                    .map(|id| site.issuer().sign(signer, id).into_bytes())
            });
            let sent = values(&lines);
            assert!(
                sent.iter()
                    .any(|value| issued.iter().flatten().any(|token| token == value)),
                "a token that nobody issued opens {found}"
            );
        }
        assert_eq!(outcome, site.expected(&values(&lines)));
    });
}

fn text(input: &mut Unstructured<'_>, site: &Site) -> Result<Vec<u8>> {
    let issuer = site.issuer();
    let mut text = match input.int_in_range(0..=3)? {
        0 => return Ok(input.bytes(input.len())?.to_vec()),
        1 => issuer.sign(signer(input)?, &id(input, site)?),
        2 => issuer.sign_version(signer(input)?, input.arbitrary()?, &id(input, site)?),
        _ => {
            let name: &str = input.arbitrary()?;
            Issuer::of(name).sign(signer(input)?, &id(input, site)?)
        }
    }
    .into_bytes();
    edit(&mut text, input)?;
    Ok(text)
}

fn signer(input: &mut Unstructured<'_>) -> Result<Signer> {
    let signers = [Signer::Current, Signer::Previous, Signer::Stranger];
    input.choose(&signers).copied()
}

fn id(input: &mut Unstructured<'_>, site: &Site) -> Result<Id> {
    let [first, second] = site.ids();
    Ok(match input.int_in_range(0..=2)? {
        0 => *first,
        1 => *second,
        _ => input.arbitrary()?,
    })
}

/// Changes a few letters: for others, for none, for more.
fn edit(text: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    while !input.is_empty() {
        let at = input.choose_index(text.len() + 1)?;
        match (input.int_in_range(0..=3)?, text.get_mut(at)) {
            (0, Some(letter)) => *letter = input.arbitrary()?,
            // To the next letter of the alphabet, as far as it has one.
            (1, Some(letter)) => *letter = letter.wrapping_add(1),
            (2, Some(_)) => drop(text.remove(at)),
            _ => text.insert(at, input.arbitrary()?),
        }
    }
    Ok(())
}
