//! The libraries that are compared. Each has a file of its own, in the folder of its
//! framework: it builds the same routes as all the others there, with an empty store.

use std::error::Error;

use futures_util::future::LocalBoxFuture;

use crate::site::Site;

/// A site that is being built.
type Opening = LocalBoxFuture<'static, Result<Box<dyn Site>, Box<dyn Error>>>;

/// One way to give an application sessions.
#[derive(Clone, Copy)]
pub(crate) struct Variant {
    name: &'static str,
    open: fn() -> Opening,
}

impl Variant {
    /// `open` builds its site.
    pub(crate) const fn new(name: &'static str, open: fn() -> Opening) -> Self {
        Self { name, open }
    }

    /// The name in reports and on the command line.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// A site of this variant, with an empty store.
    pub(crate) async fn site(&self) -> Result<Box<dyn Site>, Box<dyn Error>> {
        (self.open)().await
    }
}
