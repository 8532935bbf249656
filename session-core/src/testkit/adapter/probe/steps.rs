//! The steps that a path spells.

/// One step of a handler or of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `get:name` tells the text that the attribute holds.
    Get(String),
    /// `set:name=text` stores a text.
    Set(String, String),
    /// `fill:name=count` stores a text of so many bytes.
    Fill(String, usize),
    /// `remove:name` removes the attribute.
    Remove(String),
    /// `count:name` adds one to a number in one update, and tells it.
    Count(String),
    /// `number:name` tells a number.
    Number(String),
    /// `login:name` logs in.
    LogIn(String),
    /// `whoami` tells who is logged in.
    WhoAmI,
    /// `rotate` gives the session another id.
    Rotate,
    /// `logout` ends the session and what there is of a login.
    LogOut,
    /// `invalidate` ends the session.
    Invalidate,
    /// `open` takes the session from the exchange, as `getSession(true)` does.
    Open,
    /// `peek:name` tells the text that the attribute holds, in a look that is no access.
    Peek(String),
    /// `save` stores at once what there is to store.
    Save,
    /// `new` tells whether the client knows the session.
    New,
    /// `status:number` is the status of the response.
    Status(u16),
    /// `cookie:name=value` is a cookie of the application's own.
    Cookie(String),
    /// `vary:name` is a `Vary` of the application's own.
    Vary(String),
    /// `cache:directives` is a `Cache-Control` of the application's own.
    Cache(String),
    /// `redirect` sends the client to another page.
    Redirect,
    /// `wait` waits until the story goes on.
    Wait,
    /// `length:count` announces the length of the body that is streamed.
    Length(u64),
    /// `stream` begins the body: the steps behind it run while it is sent.
    Stream,
    /// `say:text` says something.
    Say(String),
    /// `break` breaks the body off.
    Break,
    /// `forever` says dots until somebody stops the body.
    Forever,
    /// No step: the story has a typing error, and will see it in the transcript.
    Unknown(String),
}

impl Step {
    /// The steps behind the first segment of `path`.
    pub(super) fn all_of(path: &str) -> impl Iterator<Item = Self> {
        path.split('/')
            .skip(2)
            .filter(|segment| !segment.is_empty())
            .map(Self::of)
    }

    fn of(segment: &str) -> Self {
        Self::known(segment).unwrap_or_else(|| Self::Unknown(segment.to_owned()))
    }

    fn known(segment: &str) -> Option<Self> {
        let (verb, rest) = segment.split_once(':').unwrap_or((segment, ""));
        let text = rest.to_owned();
        let pair = || {
            let (name, value) = rest.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        Some(match verb {
            "get" => Self::Get(text),
            "set" => pair().map(|(name, value)| Self::Set(name, value))?,
            "fill" => {
                let (name, count) = pair()?;
                Self::Fill(name, count.parse().ok()?)
            }
            "remove" => Self::Remove(text),
            "count" => Self::Count(text),
            "number" => Self::Number(text),
            "login" => Self::LogIn(text),
            "whoami" => Self::WhoAmI,
            "rotate" => Self::Rotate,
            "logout" => Self::LogOut,
            "invalidate" => Self::Invalidate,
            "open" => Self::Open,
            "peek" => Self::Peek(text),
            "save" => Self::Save,
            "new" => Self::New,
            "status" => Self::Status(rest.parse().ok()?),
            "cookie" => Self::Cookie(text),
            "vary" => Self::Vary(text),
            "cache" => Self::Cache(text),
            "redirect" => Self::Redirect,
            "wait" => Self::Wait,
            "length" => Self::Length(rest.parse().ok()?),
            "stream" => Self::Stream,
            "say" => Self::Say(text),
            "break" => Self::Break,
            "forever" => Self::Forever,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_spells_steps() {
        let steps: Vec<_> = Step::all_of("/session/set:a=b=c/wait/fill:d=7").collect();
        assert_eq!(
            steps,
            [
                Step::Set("a".into(), "b=c".into()),
                Step::Wait,
                Step::Fill("d".into(), 7)
            ]
        );
    }

    #[test]
    fn a_typing_error_is_seen() {
        let steps: Vec<_> = Step::all_of("/session/sett:a=b/fill:a=many").collect();
        assert_eq!(
            steps,
            [
                Step::Unknown("sett:a=b".into()),
                Step::Unknown("fill:a=many".into())
            ]
        );
    }
}
