//! No public type of the libraries prints a secret, whatever it holds.
//!
//! Every type is here: one that is added to a library and not to these tables fails the first
//! test. Secret are tokens, ids, keys and the digests under which stores keep sessions, and the
//! values of attributes, which are the visitor's. Not secret are names: of attributes, of
//! principals and devices, and the handles and fingerprints that are made to be shown.

mod material;
mod of_adapters;
mod of_stores;
mod of_the_core;
mod of_the_testkit;
mod printed;
mod types;

use std::collections::BTreeSet;

use crate::material::Material;
use crate::printed::Printed;

/// Types without a value.
const UNINHABITED: [&str; 4] = [
    "adapter_axum::body::AxumBody",
    "adapter_tower::body::WrapBody",
    "adapter_warp::body::WarpBody",
    "session_core::exchange::Main",
];

async fn everything_printed(material: &Material) -> Printed {
    let mut printed = Printed::none();
    of_the_core::print(material, &mut printed).await;
    of_the_core::print_errors(material, &mut printed).await;
    of_the_testkit::print(material, &mut printed).await;
    of_stores::print(material, &mut printed).await;
    of_adapters::print(material, &mut printed).await;
    printed
}

#[tokio::test]
async fn no_public_type_prints_a_secret_that_it_holds() {
    let material = Material::new().await;
    let printed = everything_printed(&material).await;
    let leaks = printed.leaks(&material.secrets);
    assert!(leaks.is_empty(), "\n{}", leaks.join("\n"));
}

#[tokio::test]
async fn every_public_type_is_among_those_that_are_printed() {
    let material = Material::new().await;
    let mut printed = everything_printed(&material).await.types;
    printed.extend(UNINHABITED.map(str::to_owned));
    if material.redis.is_none() {
        // Without servers there is none.
        printed.insert("store_redis::store::RedisStore".into());
    }
    let public = types::public();
    assert!(public.len() > 120, "the sources are not read");
    let missing: BTreeSet<_> = public.difference(&printed).collect();
    assert!(missing.is_empty(), "not printed: {missing:#?}");
    let unknown: Vec<_> = UNINHABITED
        .iter()
        .filter(|it| !public.contains(**it))
        .collect();
    assert!(unknown.is_empty(), "no such type: {unknown:?}");
}

/// Else the tests above would pass whatever is printed.
#[tokio::test]
async fn what_would_give_a_secret_away_is_noticed() {
    #[derive(Debug)]
    struct Careless<'a> {
        _secret: &'a [u8],
    }
    let material = Material::new().await;
    for secret in material.plain() {
        let mut printed = Printed::none();
        printed.debug(&Careless { _secret: &secret });
        if let Ok(text) = String::from_utf8(secret.clone()) {
            printed.debug(&text);
        }
        let leaks = printed.leaks(&material.secrets);
        assert!(leaks.len() >= 2, "{leaks:?}");
        let of_careless = leaks.iter().filter(|leak| leak.contains("Careless"));
        assert_eq!(of_careless.count(), 2, "{leaks:?}");
    }
}
