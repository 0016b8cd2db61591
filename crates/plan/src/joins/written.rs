use super::{JoinedTable, is_joined_column};

/// A join in SQL, and the names of columns in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenJoin {
    /// `sales JOIN customers ON sales.customer = customers.id`
    pub relation: String,
    /// Columns as `STRATIFIED BY` takes them, in the order in which they were asked for.
    pub columns: Vec<String>,
}

/// The join of `root` with the tables in `joins` that `names` come from, in SQL; `quoted` quotes a name where needed.
#[must_use]
pub fn written_join(
    root: &str,
    joins: &[JoinedTable],
    names: &[String],
    quoted: impl Fn(&str) -> String,
) -> WrittenJoin {
    let mut needed: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_joined_column(name)).collect();
    let mut tables: Vec<&JoinedTable> = Vec::new();
    for table in joins.iter().rev() {
        if needed.contains(&table.matched.as_str())
            || table.columns.iter().any(|(name, _)| needed.contains(&name.as_str()))
        {
            needed.extend(table.on.iter().map(|key| key.from.as_str()));
            tables.push(table);
        }
    }
    tables.reverse();
    let name_of = |table: &JoinedTable| table.scan.table_name.table().to_owned();
    let mut aliases: Vec<String> = Vec::with_capacity(tables.len());
    for table in &tables {
        let name = name_of(table);
        let before = aliases.iter().filter(|alias| alias.starts_with(&name)).count() + usize::from(name == root);
        aliases.push(if before == 0 { name } else { format!("{name}_{}", before + 1) });
    }
    // A column as its table's, by its name among those of the root.
    let qualified = |name: &str| {
        let of = |(table, alias): (&&JoinedTable, &String)| {
            let (_, own) = table.columns.iter().find(|(joined, _)| joined == name)?;
            Some(format!("{}.{}", quoted(alias), quoted(own)))
        };
        tables.iter().zip(&aliases).find_map(of).unwrap_or_else(|| format!("{}.{}", quoted(root), quoted(name)))
    };
    let mut relation = quoted(root);
    for (table, alias) in tables.iter().zip(&aliases) {
        let name = name_of(table);
        let renamed = if *alias == name { String::new() } else { format!(" AS {}", quoted(alias)) };
        let own = |column: &str| format!("{}.{}", quoted(alias), quoted(column));
        let pairs: Vec<String> =
            table.on.iter().map(|key| format!("{} = {}", qualified(&key.from), own(&key.column))).collect();
        relation = format!("{relation} JOIN {}{renamed} ON {}", quoted(&name), pairs.join(" AND "));
    }
    let columns = names.iter().map(|name| match is_joined_column(name) {
        true => qualified(name),
        false => quoted(name),
    });
    WrittenJoin { columns: columns.collect(), relation }
}
