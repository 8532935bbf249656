//! Proof before any timing that a variant does its job: a time for work that was not done is
//! worth nothing.

use std::error::Error;

use crate::scenario::{APPEND, SEED_HISTORY};
use crate::scenario::{COUNT, CREATE, DONE, LENGTH, READ, Scenario, UNTOUCHED, UPDATE};
use crate::variant::Variant;
use crate::visitor::Visitor;

/// Sends a visitor through every scenario and compares the answers.
pub(crate) async fn does_its_job(variant: Variant) -> Result<(), Box<dyn Error>> {
    // Bare axum answers from constants: it has no second answer to give.
    let stores = variant != Variant::Bare;

    let mut visitor = Visitor::arrive(variant, Scenario::Read).await?;
    expect(variant, &visitor.get(READ).await?, "42")?;

    let mut visitor = Visitor::arrive(variant, Scenario::Count).await?;
    expect(variant, &visitor.post(COUNT).await?, "43")?;
    if stores {
        expect(variant, &visitor.post(COUNT).await?, "44")?;
        expect(variant, &visitor.get(READ).await?, "44")?;
    }

    let mut visitor = Visitor::arrive(variant, Scenario::Untouched).await?;
    expect(variant, &visitor.get(UNTOUCHED).await?, DONE)?;

    let mut visitor = Visitor::arrive(variant, Scenario::Create).await?;
    expect(variant, &visitor.post(CREATE).await?, DONE)?;
    if stores {
        if !visitor.has_cookie() {
            return Err(format!("{}: no cookie for a new session", variant.name()).into());
        }
        expect(variant, &visitor.get(READ).await?, "1")?;
    }

    let mut visitor = Visitor::arrive(variant, Scenario::Append).await?;
    expect(variant, &visitor.get(LENGTH).await?, "45")?;
    if stores {
        for (path, length) in [(APPEND, "46"), (UPDATE, "47"), (APPEND, "48")] {
            expect(variant, &visitor.post(path).await?, DONE)?;
            expect(variant, &visitor.get(LENGTH).await?, length)?;
        }
        expect(variant, &visitor.post(SEED_HISTORY).await?, DONE)?;
        expect(variant, &visitor.get(LENGTH).await?, "45")?;
    }
    Ok(())
}

fn expect(variant: Variant, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let name = variant.name();
    Err(format!("{name} answered {found:?} instead of {expected:?}"))
}
