//! Stored bytes of any kind: they get an answer that costs no more than they justify, and a
//! record has one spelling. Any record that the engine can make comes back as it was.

use std::alloc::System;

use arbitrary::Unstructured;
use session_core::Record;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::records::record;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Reads `data` as a record, and makes a record of it in another way.
pub fn run(data: &[u8]) {
    if let Some(record) = read(data) {
        assert!(record.to_bytes() == data, "two spellings of one record");
        check_names(&record);
    }
    if let Ok(record) = record(&mut Unstructured::new(data)) {
        let stored = record.to_bytes();
        assert_eq!(Record::from_bytes(&stored).as_ref(), Ok(&record));
        // Half of it is none, and neither is it with something behind it.
        let mut longer = stored.clone();
        longer.push(0);
        assert!(Record::from_bytes(&longer).is_err());
        let cut = stored.len() / 2;
        assert!(Record::from_bytes(&stored[..cut]).is_err());
    }
}

/// Names have 1 to 255 bytes and are in order, without repetitions.
fn check_names(record: &Record) {
    let names: Vec<&str> = record.attributes.iter().map(|it| &*it.name).collect();
    assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    let login = record.authentication.as_ref();
    let of_login = login.into_iter().flat_map(|login| {
        let label = login.label.as_deref();
        std::iter::once(&*login.principal).chain(label)
    });
    for name in names.into_iter().chain(of_login) {
        assert!((1..=255).contains(&name.len()), "{} bytes", name.len());
    }
}

/// The record in `data`, if there is one; measured.
fn read(data: &[u8]) -> Option<Record> {
    let region = Region::new(ALLOCATOR);
    let record = Record::from_bytes(data);
    let allocated = region.change().bytes_allocated;
    // An attribute of 18 bytes becomes a name and a value with a counter and a length each.
    assert!(
        allocated <= 8 * data.len() + 1_024,
        "{allocated} bytes are allocated for {}",
        data.len()
    );
    record.ok()
}
