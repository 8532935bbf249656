//! A document in which tables stand that a run has measured, between two comments each:
//! `<!-- threads -->` and `<!-- /threads -->`.

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::report::Report;

/// Writes what was measured into the document; the rest of it stays as it is, and so do the
/// targets where only some of them are known.
pub(crate) fn update(report: &Report, file: &Path) -> Result<(), Box<dyn Error>> {
    let mut text = fs::read_to_string(file)?;
    for (name, section) in report.sections() {
        if name == "targets" && !report.is_complete() {
            continue;
        }
        text = replaced(&text, name, &section)
            .ok_or_else(|| format!("{} has no section {name}", file.display()))?;
    }
    fs::write(file, text)?;
    Ok(())
}

/// The text with another section of this name, or `None` when it has none.
fn replaced(text: &str, name: &str, section: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{section}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_rest_stays() {
        let text = "a\n<!-- x -->\n\nold\n\n<!-- /x -->\nb\n";
        let new = replaced(text, "x", "new").unwrap();
        assert_eq!(new, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n");
        assert_eq!(replaced(&new, "x", "old").as_deref(), Some(text));
        assert_eq!(replaced(text, "y", "new"), None);
    }
}
