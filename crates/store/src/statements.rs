//! How the statements of an engine are written down: in one list, so that a test can read every
//! one of them ([`crate::laws`]).

/// Names statements and lists them as `ALL`. One with a key walks along it in either direction:
/// the first of the pair goes up.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident $([along $key:literal, $limit:literal])? = $sql:literal;)*) => {
        $(statements!(@one [$(#[$doc])*] $name, $sql $(, $key, $limit)?);)*

        /// Every statement, by its name.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &[&str])] =
            &[$((stringify!($name), statements!(@list $name $(, $key)?))),*];
    };
    (@one [$(#[$doc:meta])*] $name:ident, $sql:literal) => {
        $(#[$doc])*
        pub(super) const $name: &str = $sql;
    };
    (@one [$(#[$doc:meta])*] $name:ident, $sql:literal, $key:literal, $limit:literal) => {
        $(#[$doc])*
        pub(super) const $name: [&str; 2] = [
            concat!($sql, " ORDER BY ", $key, " ASC LIMIT ", $limit),
            concat!($sql, " ORDER BY ", $key, " DESC LIMIT ", $limit),
        ];
    };
    (@list $name:ident) => { &[$name] };
    (@list $name:ident, $key:literal) => { &$name };
}

pub(crate) use statements;

/// What moves and removes the rows of one table, whatever they say. The columns begin with the key.
pub(crate) struct TableSql {
    /// The rows of a workspace after a key, in order.
    pub page: &'static str,
    pub put: &'static str,
    /// Removes so many.
    pub remove: &'static str,
}

/// Names, the marks of a key's values and of the limit behind them, then the columns and values.
macro_rules! table_sql {
    (
        $table:literal [$key:literal] after [$after:literal] limit $limit:literal,
        ws $ws:literal, at most $most:literal, ($columns:literal) $values:literal
    ) => {
        TableSql {
            page: concat!(
                "SELECT ",
                $columns,
                " FROM ",
                $table,
                " WHERE ws = ",
                $ws,
                " AND (",
                $key,
                ") > (",
                $after,
                ") ORDER BY ",
                $key,
                " LIMIT ",
                $limit
            ),
            put: concat!("INSERT INTO ", $table, " (ws, ", $columns, ") ", $values),
            remove: concat!(
                "DELETE FROM ",
                $table,
                " WHERE ws = ",
                $ws,
                " AND (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE ws = ",
                $ws,
                " ORDER BY ",
                $key,
                " LIMIT ",
                $most,
                ")"
            ),
        }
    };
}

pub(crate) use table_sql;
