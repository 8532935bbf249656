//! Writes `Set-Cookie` values: everything but the token is rendered when the policy is made.

use std::time::Duration;

use cookie::Cookie;
use cookie::time::{self, OffsetDateTime};

use super::attributes::CookieAttributes;
use super::policy::{MAX_AGE_MAX, SameSite};

/// The texts of one cookie, for requests that came over HTTPS or for those that did not.
#[derive(Clone, Debug)]
pub(super) struct SetCookie {
    /// The name and the equals sign.
    start: String,
    /// What follows the token.
    attributes: String,
    expire: String,
}

/// What becomes of the cookie in the browser.
#[derive(Clone, Copy)]
enum Fate {
    Kept,
    Deleted,
}

impl SetCookie {
    pub(super) fn new(attributes: &CookieAttributes, secure: bool) -> Self {
        let mut start = render(attributes, secure, Fate::Kept);
        let end = start.split_off(attributes.name.len() + 1);
        Self {
            start,
            attributes: end,
            expire: render(attributes, secure, Fate::Deleted),
        }
    }

    /// The value that hands out `token`; seconds are rounded up, and there is at least one of
    /// them, since zero would delete the cookie.
    pub(super) fn issue(&self, token: &str, max_age: Option<Duration>) -> String {
        match max_age {
            None => [&self.start, token, &self.attributes].concat(),
            Some(life) => {
                let seconds = life
                    .min(MAX_AGE_MAX)
                    .as_nanos()
                    .div_ceil(1_000_000_000)
                    .max(1);
                let seconds = seconds.to_string();
                [&self.start, token, &self.attributes, "; Max-Age=", &seconds].concat()
            }
        }
    }

    /// The value that deletes the cookie.
    pub(super) fn expire(&self) -> &str {
        &self.expire
    }
}

/// The whole line with an empty value. Setting and deleting differ in nothing but the life of
/// the cookie, since a browser only replaces a cookie of the same name, domain, path and
/// partition, and refuses a prefixed one that does not keep its conditions.
fn render(attributes: &CookieAttributes, secure: bool, fate: Fate) -> String {
    let mut cookie = Cookie::build((attributes.name.as_str(), ""))
        .http_only(attributes.http_only)
        .same_site(match attributes.same_site {
            SameSite::Lax => cookie::SameSite::Lax,
            SameSite::None => cookie::SameSite::None,
            SameSite::Strict => cookie::SameSite::Strict,
        })
        .partitioned(attributes.partitioned)
        .secure(secure)
        .path(attributes.path.as_str());
    if let Some(domain) = &attributes.domain {
        cookie = cookie.domain(domain.as_str());
    }
    if let Fate::Deleted = fate {
        cookie = cookie
            .max_age(time::Duration::ZERO)
            .expires(OffsetDateTime::UNIX_EPOCH);
    }
    let mut line = cookie.build().to_string();
    for (name, value) in &attributes.others {
        line.push_str("; ");
        line.push_str(name);
        if !value.is_empty() {
            line.push('=');
            line.push_str(value);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::super::policy::{CookieOptions, CookiePolicy};
    use super::super::user_agent::{self, Received};
    use super::*;

    const TOKEN: &str =
        "AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fuhVRPGhtmCPmacG-gR75sYbmAEp9Hb-5gEn4xnjqbrk";

    fn policy(options: CookieOptions) -> CookiePolicy {
        CookiePolicy::new(options).unwrap()
    }

    #[test]
    fn the_default_cookie_is_secure_http_only_lax_and_ends_with_the_browser() {
        let policy = policy(CookieOptions::default());
        for secure_request in [false, true] {
            assert_eq!(
                policy.issue("T", secure_request, None),
                "__Host-sid=T; HttpOnly; SameSite=Lax; Secure; Path=/"
            );
            assert_eq!(
                policy.expire(secure_request),
                "__Host-sid=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; \
                 Expires=Thu, 01 Jan 1970 00:00:00 GMT"
            );
        }
    }

    #[test]
    fn every_option_shows() {
        let policy = policy(CookieOptions {
            name: Some("id".into()),
            path: Some("/a".into()),
            domain: Some("example.org".into()),
            same_site: SameSite::None,
            partitioned: true,
            attributes: vec![
                ("Priority".into(), "High".into()),
                ("Flag".into(), String::new()),
            ],
            ..CookieOptions::default()
        });
        assert_eq!(
            policy.issue("T", true, Some(Duration::from_secs(60))),
            "id=T; HttpOnly; SameSite=None; Partitioned; Secure; Path=/a; Domain=example.org; \
             Priority=High; Flag; Max-Age=60"
        );
    }

    #[test]
    fn a_cookie_for_plain_http_is_secure_where_the_request_was() {
        let policy = policy(CookieOptions {
            secure: false,
            ..CookieOptions::default()
        });
        assert_eq!(
            policy.issue("T", false, None),
            "sid=T; HttpOnly; SameSite=Lax; Path=/"
        );
        assert_eq!(
            policy.issue("T", true, None),
            "sid=T; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        assert!(!policy.expire(false).contains("Secure"));
        assert!(policy.expire(true).contains("; Secure"));
    }

    #[test]
    fn the_age_is_in_seconds_rounded_up_and_cut_to_400_days() {
        let policy = policy(CookieOptions::default());
        for (life, seconds) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(1), 1),
            (Duration::from_millis(1_000), 1),
            (Duration::from_millis(1_001), 2),
            (Duration::from_secs(400 * 86_400), 34_560_000),
            (Duration::from_secs(400 * 86_400 + 1), 34_560_000),
            (Duration::MAX, 34_560_000),
        ] {
            let line = policy.issue("T", true, Some(life));
            assert!(
                line.ends_with(&format!("; Path=/; Max-Age={seconds}")),
                "{line}"
            );
        }
    }

    #[test]
    fn issuing_allocates_exactly_what_the_line_needs() {
        let policy = policy(CookieOptions::default());
        for max_age in [None, Some(Duration::MAX)] {
            let line = policy.issue(TOKEN, true, max_age);
            assert_eq!(line.capacity(), line.len());
        }
    }

    #[test]
    fn the_default_cookie_stays_far_below_the_limit_of_browsers() {
        let received = received(&policy(CookieOptions::default()).issue(TOKEN, true, None));
        assert!(received.name.len() + received.value.len() <= 130);
    }

    fn received(line: &str) -> Received {
        user_agent::receive(line).unwrap_or_else(|| panic!("a browser ignores {line:?}"))
    }

    /// What a browser should read from a line of these options.
    fn expected(options: &CookieOptions, secure: bool) -> Received {
        let attributes = CookieAttributes::check(options.clone()).unwrap();
        Received {
            name: attributes.name,
            value: String::new(),
            expires: None,
            max_age: None,
            domain: attributes.domain,
            path: Some(attributes.path),
            secure,
            http_only: options.http_only,
            same_site: Some(options.same_site),
            partitioned: options.partitioned,
            others: options.attributes.clone(),
        }
    }

    /// Options of which about half are accepted; text is drawn from what matters to parsers.
    fn options() -> impl Strategy<Value = CookieOptions> {
        let name = prop_oneof![
            Just(String::new()),
            "(__[Hh]ost-|__[Ss]ecure-|__[Hh]ttp-|__Host-Http-)",
            Just("=".to_owned()),
        ];
        let name =
            (name, "[!#$%&'*+.^_`|~a-zA-Z0-9-]{0,20}").prop_map(|(prefix, rest)| prefix + &rest);
        let path = prop_oneof![
            Just("/".to_owned()),
            "/[ -~]{0,20}",
            "[/; \t=a\r\n\u{e4}]{0,4}"
        ];
        let domain = prop_oneof![
            "\\.?[A-Za-z0-9]{1,10}(\\.[a-z0-9-]{1,9}){0,3}",
            "[.;a \n]{0,4}"
        ];
        let age = prop_oneof![
            any::<u64>().prop_map(Duration::from_secs),
            any::<u32>().prop_map(|millis| Duration::from_millis(millis.into())),
        ];
        let others = prop::collection::vec(("[a-zA-Z-]{1,9}", "[ -~]{0,9}"), 0..3);
        (
            (
                option::of(name),
                option::of(path),
                option::of(domain),
                option::of(age),
                others,
            ),
            (
                any::<bool>(),
                any::<bool>(),
                any::<bool>(),
                prop::sample::select(vec![SameSite::Lax, SameSite::None, SameSite::Strict]),
            ),
        )
            .prop_map(
                |(
                    (name, path, domain, max_age, attributes),
                    (secure, http_only, partitioned, same_site),
                )| {
                    CookieOptions {
                        name,
                        path,
                        domain,
                        secure,
                        http_only,
                        same_site,
                        max_age,
                        partitioned,
                        attributes,
                    }
                },
            )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, max_global_rejects: 100_000, ..ProptestConfig::default() })]

        #[test]
        fn a_browser_reads_from_every_accepted_policy_what_was_asked_for(
            options in options(),
            secure_request in any::<bool>(),
        ) {
            let Ok(policy) = CookiePolicy::new(options.clone()) else {
                return Err(TestCaseError::reject("not a cookie"));
            };
            let expected = expected(&options, options.secure || secure_request);

            let issued = received(&policy.issue(TOKEN, secure_request, policy.max_age()));
            let seconds = policy.max_age().map(|life| life.as_secs() + u64::from(life.subsec_nanos() > 0));
            prop_assert_eq!(&issued.value, TOKEN);
            prop_assert_eq!(issued.max_age, seconds);
            prop_assert_eq!(issued.expires, None);

            let expired = received(policy.expire(secure_request));
            prop_assert_eq!(&expired.value, "");
            prop_assert_eq!(expired.max_age, Some(0));
            prop_assert_eq!(expired.expires, Some([1970, 1, 1, 0, 0, 0]));

            // But for value and life, both are what was asked for, hence equal.
            let plain = |received: Received| Received { value: String::new(), max_age: None, expires: None, ..received };
            prop_assert_eq!(&plain(issued), &expected);
            prop_assert_eq!(&plain(expired), &expected);
        }
    }
}
