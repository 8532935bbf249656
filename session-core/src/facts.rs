//! What the engine needs to know of a request, and how it writes to a response. An adapter
//! implements these two traits for the types of its framework and has no more to say.

use std::borrow::Cow;

/// What the engine needs to know of a request.
///
/// Header values are raw bytes: the engine reads them in place and copes with any.
pub trait Facts {
    /// Calls `visit` with the value of every line of the header `name`, in order. `name` is
    /// in lower case.
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8]));

    /// True when the request is known to have come over HTTPS. Must come from configuration
    /// or from the connection, never from a header that a client can set.
    fn is_secure(&self) -> bool;

    /// The request method, such as `GET`.
    fn method(&self) -> &str;

    /// The path of the request, without the query.
    fn path(&self) -> &str;
}

/// The headers of a response, as far as the engine reads and writes them. Names are in lower
/// case, and values are visible ASCII.
pub trait HeaderSink {
    /// Calls `visit` with the value of every line of the header `name` that the application
    /// has set.
    fn lines(&self, name: &str, visit: &mut dyn FnMut(&[u8]));

    /// Adds a line. Lines that are there already stay as they are.
    fn append(&mut self, name: &str, value: Cow<'static, str>);

    /// Removes all lines of the header `name`.
    fn remove(&mut self, name: &str);
}
