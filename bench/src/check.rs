//! Proof before any timing that a variant does its job: a time for work that was not done is
//! worth nothing.

use std::error::Error;

use crate::framework::Framework;
use crate::scenario::{COUNT, CREATE, DONE, LENGTH, READ, SEED_HISTORY, Scenario, UNTOUCHED};
use crate::variant::Variant;
use crate::visitor::Visitor;

/// Sends a visitor through every scenario of every variant and compares the answers.
pub(crate) async fn all_do_their_job(framework: &Framework) -> Result<(), Box<dyn Error>> {
    for variant in framework.variants() {
        // Without sessions the answers are constants: there is no second one to give.
        let stores = variant.name() != framework.bare.name();
        for scenario in framework.scenarios() {
            if let Err(error) = does_its_job(variant, scenario, stores).await {
                let (scenario, variant, site) = (scenario.name(), variant.name(), framework.name);
                return Err(format!("{scenario}, {variant} on {site}: {error}").into());
            }
        }
    }
    Ok(())
}

async fn does_its_job(
    variant: Variant,
    scenario: Scenario,
    stores: bool,
) -> Result<(), Box<dyn Error>> {
    let mut visitor = Visitor::arrive(variant, scenario).await?;
    match scenario {
        Scenario::Read => expect(&visitor.get(READ).await?, "42")?,
        Scenario::Count => {
            expect(&visitor.post(COUNT).await?, "43")?;
            if stores {
                expect(&visitor.post(COUNT).await?, "44")?;
                expect(&visitor.get(READ).await?, "44")?;
            }
        }
        Scenario::Untouched => expect(&visitor.get(UNTOUCHED).await?, DONE)?,
        Scenario::Create => {
            expect(&visitor.post(CREATE).await?, DONE)?;
            if stores {
                if !visitor.has_cookie() {
                    return Err("no cookie for a new session".into());
                }
                expect(&visitor.get(READ).await?, "1")?;
            }
        }
        Scenario::Append | Scenario::Update => {
            expect(&visitor.get(LENGTH).await?, "45")?;
            if stores {
                for length in ["46", "47"] {
                    expect(&visitor.post(scenario.path()).await?, DONE)?;
                    expect(&visitor.get(LENGTH).await?, length)?;
                }
                expect(&visitor.post(SEED_HISTORY).await?, DONE)?;
                expect(&visitor.get(LENGTH).await?, "45")?;
            }
        }
    }
    Ok(())
}

fn expect(found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{found:?} instead of {expected:?}"))
}
