//! The pages that are open, each with a jar for each of its panes.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Deserialize;
use session_core::{Entropy, EntropyError};

use super::jar::{Jar, Mask};

/// The most pages at a time, and how long one is kept that is not used.
const PAGES_MAX: usize = 256;
const UNUSED_MAX: Duration = Duration::from_secs(60 * 60);

/// The browsers of a page.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum Pane {
    A,
    B,
}

/// Names a page to the relay: 128 random bits, as whoever knows them can use its jars.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PageId(u128);

impl PageId {
    pub(super) fn draw(entropy: &impl Entropy) -> Result<Self, EntropyError> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }

    /// In 32 hexadecimal digits, for its page.
    pub(super) fn reveal(self) -> String {
        format!("{:032x}", self.0)
    }
}

impl TryFrom<String> for PageId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let id = u128::from_str_radix(&text, 16).ok();
        id.filter(|_| text.len() == 32)
            .map(Self)
            .ok_or("not a page")
    }
}

impl fmt::Debug for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageId(redacted)")
    }
}

/// An open page.
#[derive(Debug)]
pub(super) struct Page {
    jars: [Jar; 2],
    pub(super) mask: Mask,
    used: Instant,
}

impl Page {
    /// The jar of a pane, and the mask to show it with.
    pub(super) fn jar(&mut self, pane: Pane) -> (&mut Jar, &mut Mask) {
        (&mut self.jars[pane as usize], &mut self.mask)
    }
}

/// The pages that are open.
#[derive(Debug, Default)]
pub(super) struct Pages(HashMap<PageId, Page>);

impl Pages {
    /// Opens a page with empty jars. Where there are too many, the one goes that was not used
    /// for the longest time.
    pub(super) fn open(&mut self, id: PageId, now: Instant) {
        self.0
            .retain(|_, page| now.saturating_duration_since(page.used) < UNUSED_MAX);
        if self.0.len() == PAGES_MAX {
            let stalest = self.0.iter().min_by_key(|(_, page)| page.used);
            if let Some(stalest) = stalest.map(|(id, _)| *id) {
                self.0.remove(&stalest);
            }
        }
        self.0.insert(
            id,
            Page {
                jars: Default::default(),
                mask: Mask::default(),
                used: now,
            },
        );
    }

    /// An open page, whose cookies are as they are now.
    pub(super) fn page(&mut self, id: PageId, now: Instant) -> Option<&mut Page> {
        let page = self.0.get_mut(&id)?;
        page.used = now;
        page.jars.iter_mut().for_each(|jar| jar.expire(now));
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_pages_the_one_goes_that_was_not_used_for_the_longest_time() {
        let (mut pages, start) = (Pages::default(), Instant::now());
        let at = |seconds: usize| start + Duration::from_secs(seconds as u64);
        for number in 0..PAGES_MAX {
            pages.open(PageId(number as u128), at(number));
        }
        pages.page(PageId(0), at(PAGES_MAX));
        pages.open(PageId(9_999), at(PAGES_MAX + 1));
        let now = at(PAGES_MAX + 1);
        assert!(pages.page(PageId(0), now).is_some());
        assert!(pages.page(PageId(1), now).is_none());
        assert!(pages.page(PageId(9_999), now).is_some());
        assert_eq!(pages.0.len(), PAGES_MAX);
    }

    #[test]
    fn a_page_that_is_not_used_for_an_hour_is_dropped() {
        let (mut pages, start) = (Pages::default(), Instant::now());
        pages.open(PageId(1), start);
        pages.open(PageId(2), start + UNUSED_MAX);
        assert!(pages.page(PageId(1), start).is_none());
    }

    #[test]
    fn a_page_is_named_by_32_digits_and_prints_redacted() {
        let id = PageId(0xabc);
        assert_eq!(PageId::try_from(id.reveal()), Ok(id));
        assert!(PageId::try_from("abc".to_owned()).is_err());
        assert!(PageId::try_from("+".repeat(32)).is_err());
        assert!(!format!("{id:?}").contains("abc"));
    }
}
