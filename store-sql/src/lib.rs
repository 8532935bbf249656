//! Sessions in PostgreSQL, MariaDB, MySQL or SQLite.
