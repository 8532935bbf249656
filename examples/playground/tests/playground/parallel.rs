//! Many requests of one visitor at a time.

use std::thread;

use serde_json::{Value, json};

use crate::program::{Ground, Test};
use crate::visitor::Visitor;

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    of_64_parallel_increments_none_is_lost,
    of_64_parallel_keys_none_is_lost,
    of_64_parallel_items_none_is_lost,
    the_naive_way_to_count_loses,
];

fn of_64_parallel_increments_none_is_lost(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/other", "1");
    let mut answers = at_once(&visitor, 64, |visitor, _| {
        let target = "/attributes/n/increment?mode=update&delay_ms=20";
        let response = visitor.post(target, "");
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()["value"].as_u64().unwrap()
    });
    answers.sort_unstable();
    assert_eq!(answers.last(), Some(&64));
    assert_eq!(visitor.attribute("n"), json!(64));
}

fn of_64_parallel_keys_none_is_lost(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/other", "1");
    at_once(&visitor, 64, |visitor, number| {
        let target = format!("/attributes/key{number}?delay_ms=20");
        assert_eq!(visitor.put(&target, &number.to_string()).status, 204);
    });
    let session = visitor.session();
    assert_eq!(session["attributes"].as_object().unwrap().len(), 65);
    for number in 0..64 {
        assert_eq!(session["attributes"][format!("key{number}")], json!(number));
    }
}

fn of_64_parallel_items_none_is_lost(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/other", "1");
    at_once(&visitor, 64, |visitor, number| {
        let target = "/attributes/l/append?delay_ms=20";
        assert_eq!(visitor.post(target, &number.to_string()).status, 204);
    });
    let list = visitor.attribute("l");
    let mut items: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .flat_map(Value::as_u64)
        .collect();
    items.sort_unstable();
    assert_eq!(items, (0..64).collect::<Vec<_>>());
}

fn the_naive_way_to_count_loses(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/other", "1");
    at_once(&visitor, 16, |visitor, _| {
        let target = "/attributes/n/increment?mode=getset&delay_ms=300";
        assert_eq!(visitor.post(target, "").status, 200);
    });
    let counted = visitor.attribute("n").as_u64().unwrap();
    assert!(counted < 16, "{counted}");
}

/// Runs `visit` so many times at once, each with the same cookie.
fn at_once<T: Send>(
    visitor: &Visitor,
    times: usize,
    visit: impl Fn(&mut Visitor, usize) -> T + Sync,
) -> Vec<T> {
    thread::scope(|scope| {
        let visit = &visit;
        let visits: Vec<_> = (0..times)
            .map(|number| {
                let mut visitor = visitor.clone();
                scope.spawn(move || visit(&mut visitor, number))
            })
            .collect();
        visits
            .into_iter()
            .map(|visit| visit.join().unwrap())
            .collect()
    })
}
