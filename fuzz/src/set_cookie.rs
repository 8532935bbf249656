//! Whatever configuration the engine accepts, a browser makes of its `Set-Cookie` lines what
//! was asked for, sends the cookie back so that the session is found, and forgets it at the end.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use session_core::testkit::{ManualClock, Request, SeededEntropy, block_on, test_key};
use session_core::{MemoryStore, SameSite, SessionError, SessionManager};

use user_agent::{Enforcement, Jar, LIFE_MAX, Origin, Seconds, Stored};

/// What a configuration may say about the cookie.
#[derive(Debug)]
struct Options {
    name: Option<String>,
    path: Option<String>,
    domain: Option<String>,
    is_secure: bool,
    is_http_only: bool,
    same_site: SameSite,
    max_age: Option<Duration>,
    is_partitioned: bool,
    others: Vec<(String, String)>,
    /// Whether the server knows that the request came over HTTPS.
    is_request_secure: bool,
    /// Whether the page is on a subdomain of the cookie's.
    is_on_subdomain: bool,
}

/// Two visits to the site that `data` configures.
pub fn run(data: &[u8]) {
    let Ok(options) = options(&mut Unstructured::new(data)) else {
        return;
    };
    let Ok(sessions) = options.build() else {
        return;
    };
    let (origin, now) = (options.origin(), now());
    let mut jar = Jar::default();

    let line = visit(&sessions, &options, Vec::new(), Visit::Begin);
    let line = line.expect("a new session tells its cookie");
    jar.receive(line.as_bytes(), &origin, now);
    let [stored] = &jar.cookies[..] else {
        panic!("a browser ignores {line:?}");
    };
    let value = String::from_utf8_lossy(&stored.value).into_owned();
    assert_eq!(value.len(), crate::issuer::TOKEN_LEN, "{line}");
    assert_eq!(*stored, options.expected(&sessions, &value), "{line}");

    let sent = jar.line(&origin);
    let line = visit(&sessions, &options, sent, Visit::End);
    let line = line.expect("the session is found, and its end is told");
    jar.receive(line.as_bytes(), &origin, now);
    assert!(jar.cookies.is_empty(), "{line:?} does not end the cookie");
}

#[derive(Clone, Copy)]
enum Visit {
    Begin,
    End,
}

fn visit(
    sessions: &SessionManager,
    options: &Options,
    cookies: Vec<u8>,
    visit: Visit,
) -> Option<String> {
    let request = Request {
        cookies: vec![cookies],
        secure: options.is_request_secure,
        ..Request::default()
    };
    let mut exchange = sessions.begin(&request);
    block_on(async {
        match visit {
            Visit::Begin => {
                let session = exchange.handle().session().await?;
                session.set_attribute("name", "Ada")?;
            }
            Visit::End => {
                let session = exchange.handle().existing_session().await?;
                session
                    .expect("the browser sent the cookie back")
                    .invalidate()?;
            }
        }
        let delivery = exchange.commit().await?;
        let line = delivery.set_cookie().map(str::to_owned);
        exchange.finish().await?;
        Ok::<_, SessionError>(line)
    })
    .expect("a store in memory answers")
}

impl Options {
    fn build(&self) -> std::result::Result<SessionManager, session_core::ConfigError> {
        let mut builder = SessionManager::builder()
            .secret_key(test_key())
            .store(MemoryStore::builder().shards(1).build())
            .clock(ManualClock::new())
            .entropy(SeededEntropy::new(1))
            .secure(self.is_secure)
            .http_only(self.is_http_only)
            .same_site(self.same_site)
            .partitioned(self.is_partitioned)
            .absolute_timeout(None);
        if let Some(name) = &self.name {
            builder = builder.cookie_name(name);
        }
        if let Some(path) = &self.path {
            builder = builder.path(path);
        }
        if let Some(domain) = &self.domain {
            builder = builder.domain(domain);
        }
        if let Some(max_age) = self.max_age {
            builder = builder.max_age(max_age);
        }
        for (name, value) in &self.others {
            builder = builder.cookie_attribute(name, value);
        }
        builder.build()
    }

    /// The domain without what browsers have ignored since RFC 6265.
    fn cookie_domain(&self) -> Option<String> {
        let domain = self.domain.as_ref()?;
        let domain = domain.strip_prefix('.').unwrap_or(domain);
        Some(domain.to_ascii_lowercase())
    }

    /// Where the browser is. It is where a cookie of these options can be set: behind a proxy
    /// that speaks HTTPS where the server was told so.
    fn origin(&self) -> Origin {
        let host = match self.cookie_domain() {
            Some(domain) if self.is_on_subdomain && !is_address(&domain) => format!("www.{domain}"),
            Some(domain) => domain,
            None => "www.example.org".to_owned(),
        };
        Origin {
            host,
            path: self.path.clone().unwrap_or_else(|| "/".to_owned()),
            is_secure: self.is_secure || self.is_request_secure,
        }
    }

    /// What the browser should keep.
    fn expected(&self, sessions: &SessionManager, value: &str) -> Stored {
        let default_name = match (self.is_secure, self.path.as_deref(), &self.domain) {
            (true, None | Some("/"), None) => "__Host-sid",
            (true, _, _) => "__Secure-sid",
            (false, _, _) => "sid",
        };
        let name = self.name.as_deref().unwrap_or(default_name);
        assert_eq!(sessions.cookie_name(), name);
        let origin = self.origin();
        let domain = self.cookie_domain();
        Stored {
            name: name.into(),
            value: value.into(),
            expires: self
                .max_age
                .map(|life| now() + seconds_rounded_up(life).min(LIFE_MAX)),
            is_host_only: domain.is_none(),
            domain: domain.unwrap_or(origin.host),
            path: origin.path.into_bytes(),
            is_secure: origin.is_secure,
            is_http_only: self.is_http_only,
            same_site: match self.same_site {
                SameSite::Lax => Enforcement::Lax,
                SameSite::None => Enforcement::None,
                SameSite::Strict => Enforcement::Strict,
            },
            is_partitioned: self.is_partitioned,
            others: self
                .others
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
                .collect(),
        }
    }
}

fn now() -> Seconds {
    let millis = i64::try_from(ManualClock::START.as_millis());
    millis.expect("the clock shows a year of this century") / 1_000
}

fn seconds_rounded_up(life: Duration) -> Seconds {
    let seconds = life.as_nanos().div_ceil(1_000_000_000);
    Seconds::try_from(seconds).unwrap_or(Seconds::MAX)
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok()
}

fn options(input: &mut Unstructured<'_>) -> Result<Options> {
    let same_sites = [SameSite::Lax, SameSite::None, SameSite::Strict];
    let [
        is_secure,
        is_http_only,
        is_partitioned,
        is_request_secure,
        is_on_subdomain,
    ] = input.arbitrary()?;
    let mut options = Options {
        name: None,
        path: None,
        domain: None,
        is_secure,
        is_http_only,
        same_site: *input.choose(&same_sites)?,
        max_age: match input.int_in_range(0..=3)? {
            0 => None,
            1 => Some(Duration::from_secs(input.arbitrary()?)),
            2 => Some(Duration::from_millis(input.arbitrary::<u32>()?.into())),
            // At the edges of a second, where rounding shows.
            _ => Some(Duration::new(
                input.arbitrary::<u16>()?.into(),
                *input.choose(&[0, 1, 999_999_999])?,
            )),
        },
        is_partitioned,
        others: Vec::new(),
        is_request_secure,
        is_on_subdomain,
    };
    if input.arbitrary()? {
        options.name = Some(name(input)?);
    }
    if input.arbitrary()? {
        options.path = Some(format!("/{}", text(input)?));
    }
    if input.arbitrary()? {
        options.domain = Some(text(input)?);
    }
    while input.arbitrary()? && options.others.len() < 3 {
        options.others.push((text(input)?, text(input)?));
    }
    Ok(options)
}

fn name(input: &mut Unstructured<'_>) -> Result<String> {
    let prefixes = [
        "",
        "__Host-",
        "__Secure-",
        "__Http-",
        "__Host-Http-",
        "__hOsT-",
        "__secure-",
        "=",
    ];
    Ok((*input.choose(&prefixes)?).to_owned() + &text(input)?)
}

/// Any text; its length comes first, so that what follows stays where it is.
fn text(input: &mut Unstructured<'_>) -> Result<String> {
    let length = usize::from(input.arbitrary::<u8>()?);
    // Some are as long as browsers let them be, or longer.
    let text = match length {
        250.. => vec![b'a'; 1_020 + (length - 250)],
        _ => input.bytes(length.min(input.len()))?.to_vec(),
    };
    Ok(String::from_utf8_lossy(&text).into_owned())
}
