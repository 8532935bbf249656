use super::date::date;
use super::*;

const NOW: Seconds = 1_767_225_600;

fn origin() -> Origin {
    Origin {
        host: "www.example.org".into(),
        path: "/a/b".into(),
        is_secure: true,
    }
}

fn kept(line: &str) -> Option<Stored> {
    let mut jar = Jar::default();
    jar.receive(line.as_bytes(), &origin(), NOW);
    jar.cookies.pop()
}

#[test]
fn what_a_browser_ignores_is_not_kept() {
    let long = "a".repeat(4_097);
    for ignored in [
        "",
        "=",
        " ; Secure",
        "a=b\r\nSet-Cookie: c=d",
        "a=b; Path=/\x01",
        &long,
        "=__Host-a=b",
        "__Host-a=b; Path=/",
        "__Host-a=b; Secure",
        "__HOST-a=b; Secure; Path=/a",
        "__host-a=b; Secure; Path=/; Domain=example.org",
        "__Secure-a=b; Path=/",
        "__Http-a=b; Secure",
        "__Host-Http-a=b; Secure; Path=/",
        "a=b; SameSite=None",
        "a=b; Partitioned",
        "a=b; Domain=example.net",
        "a=b; Domain=ample.org",
        "a=b; Max-Age=0",
        "a=b; Max-Age=-5",
        "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        assert_eq!(kept(ignored), None, "{ignored:?}");
    }
}

#[test]
fn attributes_are_read_as_the_standard_says() {
    let line = "a = b=c ;PATH=/x; Domain=.EXAMPLE.org;Max-Age=60; Max-Age=1x; secure=no; \
                HttpOnly; samesite=LAX; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Priority=High";
    let expected = Stored {
        name: b"a".to_vec(),
        value: b"b=c".to_vec(),
        expires: Some(NOW + 60),
        domain: "example.org".into(),
        is_host_only: false,
        path: b"/x".to_vec(),
        is_secure: true,
        is_http_only: true,
        same_site: Enforcement::Lax,
        is_partitioned: false,
        others: vec![(b"Priority".to_vec(), b"High".to_vec())],
    };
    assert_eq!(kept(line), Some(expected));
}

#[test]
fn a_cookie_without_attributes_is_for_this_host_and_the_folder_of_the_page() {
    let cookie = kept("a=b").unwrap();
    assert_eq!(
        (cookie.domain.as_str(), cookie.is_host_only),
        ("www.example.org", true)
    );
    assert_eq!(cookie.path, b"/a");
    assert_eq!(cookie.expires, None);
}

#[test]
fn no_cookie_lives_longer_than_400_days() {
    for line in [
        "a=b; Max-Age=99999999999999999999999",
        "a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        assert_eq!(kept(line).unwrap().expires, Some(NOW + LIFE_MAX), "{line}");
    }
}

#[test]
fn a_cookie_goes_back_where_it_belongs_and_nowhere_else() {
    let mut jar = Jar::default();
    jar.receive(b"a=1; Path=/a; Secure", &origin(), NOW);
    jar.receive(b"b=2; Path=/; Domain=example.org", &origin(), NOW);
    let line = |host: &str, path: &str, is_secure| {
        let line = jar.line(&Origin {
            host: host.into(),
            path: path.into(),
            is_secure,
        });
        String::from_utf8(line).unwrap()
    };
    assert_eq!(line("www.example.org", "/a/x", true), "a=1; b=2");
    assert_eq!(line("www.example.org", "/ab", true), "b=2");
    assert_eq!(line("www.example.org", "/a", false), "b=2");
    assert_eq!(line("example.org", "/a", true), "b=2");
    assert_eq!(line("example.net", "/a", true), "");
}

#[test]
fn dates_of_the_three_old_formats_and_of_careless_servers_are_read() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "6 november 94 8:49:37",
        "1994x NOV 06 08:49:37x",
    ] {
        assert_eq!(date(text.as_bytes()), Some(784_111_777), "{text}");
    }
    for text in [
        "",
        "Sun, 06 Nov 1994",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1600 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
    ] {
        assert_eq!(date(text.as_bytes()), None, "{text}");
    }
    assert_eq!(date(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    assert_eq!(date(b"Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
    assert_eq!(date(b"31 Dec 1969 23:59:59"), Some(-1));
}
