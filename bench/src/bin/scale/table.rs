//! Tables as they stand in a document.

/// A table that is being written.
pub(crate) struct Table(String);

impl Table {
    /// One with these columns.
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        let mut table = Self(String::new());
        table.row(columns.map(str::to_owned));
        table.0 += "|";
        table.0 += &"---|".repeat(N);
        table.0 += "\n";
        table
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0 += "|";
        for cell in cells {
            self.0 += &format!(" {cell} |");
        }
        self.0 += "\n";
    }

    /// The whole table.
    pub(crate) fn finish(self) -> String {
        self.0.trim_end().to_owned()
    }
}
