//! What a browser would not keep as it was meant is refused before anything is sent.

use super::*;

fn name_of(options: CookieOptions) -> String {
    CookieAttributes::check(options).unwrap().name
}

fn refusal(options: CookieOptions) -> CookieError {
    CookieAttributes::check(options).unwrap_err()
}

fn named(name: &str) -> CookieOptions {
    CookieOptions {
        name: Some(name.to_owned()),
        ..CookieOptions::default()
    }
}

#[test]
fn the_default_name_has_the_strongest_prefix_that_the_other_options_allow() {
    let default = CookieOptions::default;
    assert_eq!(name_of(default()), "__Host-sid");
    assert_eq!(
        name_of(CookieOptions {
            path: Some("/".into()),
            ..default()
        }),
        "__Host-sid"
    );
    assert_eq!(
        name_of(CookieOptions {
            path: Some("/a".into()),
            ..default()
        }),
        "__Secure-sid"
    );
    assert_eq!(
        name_of(CookieOptions {
            domain: Some("example.org".into()),
            ..default()
        }),
        "__Secure-sid"
    );
    assert_eq!(
        name_of(CookieOptions {
            secure: false,
            ..default()
        }),
        "sid"
    );
}

#[test]
fn a_prefix_binds_whatever_its_case() {
    // Secure, HttpOnly, Path=/ and no Domain: what each prefix asks for.
    let needs = [
        ("__Host-Http-", [true, true, true, true]),
        ("__Host-", [true, false, true, true]),
        ("__Http-", [true, true, false, false]),
        ("__Secure-", [true, false, false, false]),
        ("__Hos-", [false; 4]),
        ("x__Host-", [false; 4]),
    ];
    for (prefix, needs) in needs {
        for name in [
            format!("{prefix}id"),
            format!("{}ID", prefix.to_ascii_uppercase()),
            prefix.to_ascii_lowercase(),
        ] {
            let breaking = [
                CookieOptions {
                    secure: false,
                    ..named(&name)
                },
                CookieOptions {
                    http_only: false,
                    ..named(&name)
                },
                CookieOptions {
                    path: Some("/a".into()),
                    ..named(&name)
                },
                CookieOptions {
                    domain: Some("example.org".into()),
                    ..named(&name)
                },
            ];
            assert!(CookieAttributes::check(named(&name)).is_ok(), "{name}");
            for (needed, options) in needs.into_iter().zip(breaking) {
                let policy = CookieAttributes::check(options.clone());
                assert_eq!(policy.is_err(), needed, "{options:?}");
            }
        }
    }
    assert_eq!(
        refusal(CookieOptions {
            secure: false,
            ..named("__host-id")
        })
        .to_string(),
        "a cookie whose name starts with __Host- must have Secure"
    );
}

#[test]
fn a_name_is_a_token_that_leaves_room_for_the_value() {
    for name in [
        "", " ", "a b", "a=b", "a;b", "a,b", "\"a\"", "a/b", "ä", "a\r\nb", "a\0", "(a)",
    ] {
        assert_eq!(
            refusal(named(name)),
            CookieError::Name {
                name: name.to_owned()
            }
        );
    }
    assert_eq!(NAME_MAX + TOKEN_LEN, 4_096, "what browsers keep");
    assert!(CookieAttributes::check(named(&"n".repeat(NAME_MAX))).is_ok());
    assert!(CookieAttributes::check(named(&"n".repeat(NAME_MAX + 1))).is_err());
    assert!(CookieAttributes::check(named("!#$%&'*+-.^_`|~09azAZ")).is_ok());
}

#[test]
fn a_path_is_absolute_and_cannot_smuggle_an_attribute() {
    let with = |path: &str| CookieOptions {
        path: Some(path.to_owned()),
        ..named("id")
    };
    for path in [
        "",
        "a",
        " /",
        "/ ",
        "/a;Domain=b",
        "/a\r\nX: y",
        "/\0",
        "/\x7f",
        "/ä",
        "/\t",
    ] {
        assert_eq!(
            refusal(with(path)),
            CookieError::Path {
                path: path.to_owned()
            }
        );
    }
    for path in ["/", "/a b", "/a=b,\"c\"", "/%C3%A4/"] {
        assert!(CookieAttributes::check(with(path)).is_ok(), "{path}");
    }
    assert!(CookieAttributes::check(with(&"/".repeat(1_024))).is_ok());
    assert!(CookieAttributes::check(with(&"/".repeat(1_025))).is_err());
}

#[test]
fn a_domain_is_a_host_name() {
    let with = |domain: &str| CookieOptions {
        domain: Some(domain.to_owned()),
        ..named("id")
    };
    let label = "a".repeat(63);
    for domain in [
        "",
        ".",
        "..a",
        "a..b",
        "a.",
        "-a",
        "a-",
        "a b",
        "a;b",
        "a,b",
        "a/b",
        "a:1",
        "ä.de",
        "*.a",
        "[::1]",
        "a_b",
        "a\nb",
        &format!("{label}a"),
        &[label.as_str(); 4].join("."),
    ] {
        assert_eq!(
            refusal(with(domain)),
            CookieError::Domain {
                domain: domain.to_owned()
            }
        );
    }
    for domain in [
        "localhost",
        "example.org",
        "a-b.c0.example",
        "xn--4ca.de",
        &label,
    ] {
        assert!(CookieAttributes::check(with(domain)).is_ok(), "{domain}");
    }
}

#[test]
fn a_domain_loses_its_leading_dot_and_its_capitals() {
    assert_eq!(host_name(".Example.ORG".to_owned()).unwrap(), "example.org");
}

#[test]
fn additional_attributes_cannot_repeat_what_is_written_already() {
    let with = |attributes: &[(&str, &str)]| CookieOptions {
        attributes: attributes
            .iter()
            .map(|&(name, value)| (name.into(), value.into()))
            .collect(),
        ..CookieOptions::default()
    };
    for name in [
        "domain",
        "EXPIRES",
        "HttpOnly",
        "max-age",
        "partitioned",
        "pAth",
        "SameSite",
        "secure",
    ] {
        assert_eq!(
            refusal(with(&[("Priority", "High"), (name, "")])),
            CookieError::AttributeTwice {
                name: name.to_owned()
            }
        );
    }
    assert_eq!(
        refusal(with(&[("Priority", "High"), ("priority", "Low")])),
        CookieError::AttributeTwice {
            name: "priority".to_owned()
        }
    );
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("a=", "x"),
        ("a;", "x"),
        ("a", ";"),
        ("a", "\n"),
        ("a", " x"),
        ("a", "ä"),
    ] {
        assert_eq!(
            refusal(with(&[(name, value)])),
            CookieError::Attribute {
                name: name.to_owned()
            }
        );
    }
    assert!(
        CookieAttributes::check(with(&[
            ("Priority", "High"),
            ("Flag", ""),
            ("q", "a=\"b\"")
        ]))
        .is_ok()
    );
}

#[test]
fn what_needs_secure_is_refused_without_it() {
    let insecure = CookieOptions {
        secure: false,
        ..CookieOptions::default()
    };
    assert_eq!(
        refusal(CookieOptions {
            same_site: SameSite::None,
            ..insecure.clone()
        }),
        CookieError::SameSiteNoneNeedsSecure
    );
    assert_eq!(
        refusal(CookieOptions {
            partitioned: true,
            ..insecure
        }),
        CookieError::PartitionedNeedsSecure
    );
}
