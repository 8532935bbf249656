//! Where else somebody is logged in.

use serde_json::{Value, json};

use crate::program::{Ground, Program, Test};
use crate::visitor::{Visitor, session_cookie};

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    whoever_is_logged_in_sees_all_of_their_own_sessions,
    whoever_is_not_logged_in_has_no_list_and_ends_nothing,
    another_session_of_ones_own_can_be_ended_once_also_after_its_id_changed,
    ones_own_current_session_ends_with_its_cookie,
    a_handle_that_is_somebody_elses_or_none_at_all_is_404_and_ends_nothing,
    all_other_sessions_end_at_once_and_nobody_elses,
];

fn whoever_is_logged_in_sees_all_of_their_own_sessions(ground: &Ground) {
    let program = &ground.start(&[]);
    let (mut phone, mut laptop) = (ada(program, Some("Phone")), ada(program, None));
    let mut bob = program.visitor();
    bob.post("/login", "{\"principal\":\"bob\"}");
    let mut listed = devices(&mut laptop);
    assert_eq!(listed.len(), 2);
    // The oldest login comes first, but these may be of the same millisecond.
    listed.sort_by_key(|device| device["current"] == true);
    assert_eq!(listed[0]["label"], json!("Phone"));
    assert_eq!(listed[0]["current"], json!(false));
    assert_eq!(listed[1]["label"], Value::Null);
    assert_eq!(listed[1]["current"], json!(true));
    let session = laptop.session();
    for (device, visitor) in listed.iter().zip([&mut phone, &mut laptop]) {
        assert_eq!(device.as_object().unwrap().len(), 5, "{device}");
        assert_eq!(device["creation_time"], visitor.session()["creation_time"]);
    }
    assert!(listed[1]["last_accessed_time"].as_u64() <= session["last_accessed_time"].as_u64());
    assert_eq!(devices(&mut bob).len(), 1);
}

fn whoever_is_not_logged_in_has_no_list_and_ends_nothing(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut logged_in = ada(program, None);
    let handle = current(&mut logged_in);
    let (mut nobody, mut anonymous) = (program.visitor(), program.visitor());
    anonymous.put("/attributes/a", "1");
    for visitor in [&mut nobody, &mut anonymous] {
        for (method, target) in [
            ("GET", "/me/sessions"),
            ("DELETE", "/me/sessions"),
            ("DELETE", &format!("/me/sessions/{handle}")),
            ("DELETE", "/me/sessions/x"),
            ("DELETE", "/me/sessions/"),
        ] {
            let response = visitor.send(method, target, "");
            assert_eq!(response.status, 401, "{method} {target}");
            assert!(response.is_error_form());
            assert!(response.all("set-cookie").is_empty());
        }
    }
    assert_eq!(logged_in.session()["exists"], json!(true));
    assert_eq!(anonymous.attribute("a"), json!(1));
}

fn another_session_of_ones_own_can_be_ended_once_also_after_its_id_changed(ground: &Ground) {
    let program = &ground.start(&[]);
    let (mut phone, mut laptop) = (ada(program, None), ada(program, None));
    let target = format!("/me/sessions/{}", current(&mut phone));
    phone.post("/change-id", "");
    assert_eq!(phone.session()["exists"], json!(true));
    let response = laptop.delete(&target);
    assert_eq!(response.status, 204);
    assert!(response.all("set-cookie").is_empty());
    assert_eq!(phone.session()["exists"], json!(false));
    assert_eq!(laptop.session()["principal"], json!("ada"));
    assert_eq!(laptop.delete(&target).status, 404);
    assert_eq!(devices(&mut laptop).len(), 1);
}

fn ones_own_current_session_ends_with_its_cookie(ground: &Ground) {
    let program = &ground.start(&[]);
    let (mut phone, mut laptop) = (ada(program, None), ada(program, None));
    let mut thief = laptop.clone();
    let target = format!("/me/sessions/{}", current(&mut laptop));
    let response = laptop.delete(&target);
    assert_eq!(response.status, 204);
    assert_eq!(session_cookie(&response), Some(""));
    assert_eq!(thief.session()["exists"], json!(false));
    assert_eq!(devices(&mut phone).len(), 1);
}

fn a_handle_that_is_somebody_elses_or_none_at_all_is_404_and_ends_nothing(ground: &Ground) {
    let program = &ground.start(&[]);
    let (mut visitor, mut bob) = (ada(program, None), program.visitor());
    bob.post("/login", "{\"principal\":\"bob\"}");
    let (own, others) = (current(&mut visitor), current(&mut bob));
    for handle in [
        others.as_str(),
        &own.to_uppercase().replace(char::is_numeric, "A"),
        &"0".repeat(32),
        "x",
        "%",
        "%FF",
        &format!("{own}0"),
    ] {
        let response = visitor.delete(&format!("/me/sessions/{handle}"));
        assert_eq!(response.status, 404, "{handle}");
        assert!(response.is_error_form());
    }
    assert_eq!(bob.session()["principal"], json!("bob"));
    assert_eq!(visitor.session()["principal"], json!("ada"));
}

fn all_other_sessions_end_at_once_and_nobody_elses(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut others = [ada(program, None), ada(program, None)];
    let (mut visitor, mut bob) = (ada(program, None), program.visitor());
    bob.post("/login", "{\"principal\":\"bob\"}");
    for _ in 0..2 {
        assert_eq!(visitor.delete("/me/sessions").status, 204);
    }
    for other in &mut others {
        assert_eq!(other.session()["exists"], json!(false));
    }
    assert_eq!(devices(&mut visitor).len(), 1);
    assert_eq!(bob.session()["principal"], json!("bob"));
}

/// Somebody who logged in as ada.
fn ada(program: &Program, label: Option<&str>) -> Visitor {
    let mut visitor = program.visitor();
    let body = json!({"principal": "ada", "label": label});
    assert_eq!(visitor.post("/login", &body.to_string()).status, 204);
    visitor
}

fn devices(visitor: &mut Visitor) -> Vec<Value> {
    let response = visitor.get("/me/sessions");
    assert_eq!(response.status, 200, "{}", response.body);
    response.json().as_array().expect("a list").clone()
}

/// The handle of the visitor's own session.
fn current(visitor: &mut Visitor) -> String {
    let devices = devices(visitor);
    let current = devices.iter().find(|device| device["current"] == true);
    current.unwrap()["handle"].as_str().unwrap().to_owned()
}
