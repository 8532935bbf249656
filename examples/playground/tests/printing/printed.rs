//! What types print.

use std::any::type_name;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{Debug, Display};

use testbed::secrets::{Secrets, find};

/// What was printed, and of which types.
pub(crate) struct Printed {
    pub(crate) types: BTreeSet<String>,
    texts: Vec<(&'static str, String)>,
}

impl Printed {
    pub(crate) const fn none() -> Self {
        Self {
            types: BTreeSet::new(),
            texts: Vec::new(),
        }
    }

    /// Prints a value for a programmer, on one line and on many.
    pub(crate) fn debug<T: Debug>(&mut self, value: &T) {
        let name = type_name::<T>();
        let plain = name.split('<').next().unwrap_or(name);
        self.types.insert(plain.to_owned());
        self.texts.push((name, format!("{value:?}")));
        self.texts.push((name, format!("{value:#?}")));
    }

    /// Likewise, and for everybody.
    pub(crate) fn display<T: Debug + Display>(&mut self, value: &T) {
        self.debug(value);
        self.texts.push((type_name::<T>(), value.to_string()));
    }

    /// Likewise, with what it came from.
    pub(crate) fn error<T: Error>(&mut self, error: &T) {
        self.display(error);
        let mut source = error.source();
        while let Some(error) = source {
            let text = format!("{error} {error:?} {error:#?}");
            self.texts.push((type_name::<T>(), text));
            source = error.source();
        }
    }

    /// Takes over what was printed elsewhere.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.types.extend(other.types.iter().cloned());
        self.texts.extend(other.texts.iter().cloned());
    }

    /// The types that printed a secret.
    pub(crate) fn leaks(&self, secrets: &Secrets) -> Vec<String> {
        let leaky = self.texts.iter().filter_map(|(name, text)| {
            let found = find(secrets, text.as_bytes());
            Some(format!("{name}: {}", found.first()?))
        });
        leaky.collect()
    }
}
