use crate::draft::{self, Draft};
use crate::error::CatalogError;
use crate::folder;
use crate::manifest::{FORMAT_VERSION, Manifest, OLDEST_READABLE_VERSION};
use crate::seal;
use crate::table::{KnownKey, TableDefinition, ViewDefinition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(crate) const MANIFEST_PREFIX: &str = "generation-";
/// Bytes of a definition's file name, about; file systems take 255.
const FILE_NAME_MAX: usize = 200;
const MARKER: &str = "plusminus.json";
/// Folder of the rows of tables that the store keeps.
const ROWS: &str = "rows";
/// File in it that is locked while rows are changed.
const LOCK: &str = ".lock";
/// Time for which rows that were replaced are kept for queries that read them.
const ROWS_KEPT: Duration = Duration::from_secs(600);

/// A folder of table definitions and sample families.
///
/// Opening a folder that does not exist is fine; the first write creates it.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format_version: u32,
}

impl Store {
    /// Opens the store in `folder`, or an empty one when the folder does not exist or holds nothing.
    ///
    /// # Errors
    /// [`CatalogError::NotAStore`] when the folder holds something else, [`CatalogError::Version`] when it was
    /// written by an unknown version, [`CatalogError::Damaged`] when its marker is damaged.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, CatalogError> {
        let folder = folder.into();
        let not_a_store = |what: &str| CatalogError::NotAStore { folder: folder.clone(), what: what.to_owned() };
        if folder.exists() && !folder.is_dir() {
            return Err(not_a_store("it is a file"));
        }
        let marker = folder.join(MARKER);
        if marker.exists() {
            let found: Marker = seal::open(&folder::read_promised(&marker)?, &marker)?;
            check_version(found.format_version, &marker)?;
        } else if folder::list(&folder)?.iter().any(|name| !name.starts_with('.')) {
            return Err(not_a_store("it holds files but no plusminus.json"));
        }
        Ok(Self { folder })
    }

    /// The store's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every table definition, by name.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names a definition that cannot be trusted.
    pub fn tables(&self) -> Result<Vec<TableDefinition>, CatalogError> {
        self.all("tables")
    }

    /// Stores a table definition, in the place of one with the same name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put_table(&self, table: &TableDefinition) -> Result<(), CatalogError> {
        self.put("tables", &table.name, table)
    }

    /// Every view, by name.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names a definition that cannot be trusted.
    pub fn views(&self) -> Result<Vec<ViewDefinition>, CatalogError> {
        self.all("views")
    }

    /// Stores a view definition, in the place of one with the same name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put_view(&self, view: &ViewDefinition) -> Result<(), CatalogError> {
        self.put("views", &view.name, view)
    }

    /// All columns of which it is known whether they are a key.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names a file that cannot be trusted.
    pub fn keys(&self) -> Result<Vec<KnownKey>, CatalogError> {
        self.all("keys")
    }

    /// Stores what was found out of columns as a key, in the place of what was known of them before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put_key(&self, key: &KnownKey) -> Result<(), CatalogError> {
        self.put("keys", &format!("{} {}", key.table, key.columns.join(" ")), key)
    }

    /// Removes the definition of the table or view of this name, if there is one.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget(&self, name: &str) -> Result<(), CatalogError> {
        for kind in ["tables", "views"] {
            folder::remove_file(&self.folder.join(kind).join(definition_file(name)))?;
        }
        Ok(())
    }

    /// When tables and views were declared or dropped last; `None` where nothing ever was.
    #[must_use]
    pub fn declarations_changed(&self) -> [Option<SystemTime>; 2] {
        ["tables", "views"].map(|kind| self.folder.join(kind).metadata().ok()?.modified().ok())
    }

    /// Waits until no other process changes rows that the store keeps, and keeps others from it until the file is closed.
    ///
    /// # Errors
    /// When the file cannot be created or locked.
    pub fn lock_rows(&self) -> Result<std::fs::File, CatalogError> {
        self.initialise()?;
        let all = self.folder.join(ROWS);
        folder::create_folder(&all)?;
        let path = all.join(LOCK);
        let file = std::fs::File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| CatalogError::io(&path, e))?;
        file.lock().map_err(|e| CatalogError::io(&path, e))?;
        Ok(file)
    }

    /// Creates a folder for the rows of a table that the store keeps; no other table has it.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn new_rows_folder(&self, name: &str) -> Result<PathBuf, CatalogError> {
        self.initialise()?;
        let all = self.folder.join(ROWS);
        folder::create_folder(&all)?;
        let stem = definition_file(name);
        let stem = stem.trim_end_matches(".json");
        for number in 1_u64.. {
            let own = all.join(format!("{stem}-{number}"));
            match std::fs::create_dir(&own) {
                Ok(()) => return Ok(own),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(CatalogError::io(own, e)),
            }
        }
        Err(CatalogError::io(all, std::io::ErrorKind::QuotaExceeded.into()))
    }

    /// Whether the store itself keeps the rows of a table, in a folder of [`Self::new_rows_folder`].
    #[must_use]
    pub fn keeps_rows_of(&self, table: &TableDefinition) -> bool {
        let own = std::path::absolute(self.folder.join(ROWS));
        own.is_ok_and(|own| Path::new(&table.location).parent() == Some(&own))
    }

    /// Removes the rows of tables that nothing names any more, and that queries which began before have been done with for long.
    ///
    /// # Errors
    /// When definitions cannot be read or a folder cannot be removed.
    pub fn remove_old_rows(&self) -> Result<(), CatalogError> {
        let all = self.folder.join(ROWS);
        let named: Vec<String> = self.tables()?.into_iter().map(|table| table.location).collect();
        for name in folder::list(&all)?.into_iter().filter(|name| name != LOCK) {
            let own = all.join(name);
            let is_named = std::path::absolute(&own).is_ok_and(|own| named.iter().any(|named| Path::new(named) == own));
            let age = own.metadata().and_then(|known| known.modified()).ok().and_then(|changed| changed.elapsed().ok());
            if !is_named && age.is_some_and(|age| age > ROWS_KEPT) {
                // Files here are rows of a statement that was given up.
                let removed = if own.is_dir() { std::fs::remove_dir_all(&own) } else { std::fs::remove_file(&own) };
                removed.map_err(|e| CatalogError::io(&own, e))?;
            }
        }
        Ok(())
    }

    /// Removes the rows of a table that the store keeps; does nothing for other tables.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub fn remove_rows_of(&self, table: &TableDefinition) -> Result<(), CatalogError> {
        if !self.keeps_rows_of(table) {
            return Ok(());
        }
        match std::fs::remove_dir_all(&table.location) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(CatalogError::io(&table.location, e)),
            _ => Ok(()),
        }
    }

    /// Removes the view of this name, if there is one.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn forget_view(&self, name: &str) -> Result<(), CatalogError> {
        folder::remove_file(&self.folder.join("views").join(definition_file(name)))
    }

    fn put<T: Serialize>(&self, kind: &str, name: &str, definition: &T) -> Result<(), CatalogError> {
        self.initialise()?;
        let folder = self.folder.join(kind);
        folder::create_folder(&folder)?;
        let file = folder.join(definition_file(name));
        folder::replace(&file, &seal::seal(definition, &file)?)
    }

    fn all<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, CatalogError> {
        let folder = self.folder.join(kind);
        let names = folder::list(&folder)?;
        let files = names.iter().filter(|n| n.ends_with(".json")).map(|n| folder.join(n));
        files.map(|file| seal::open(&folder::read_promised(&file)?, &file)).collect()
    }

    /// The current generation of every family, by name.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names a manifest that cannot be trusted.
    pub fn families(&self) -> Result<Vec<Manifest>, CatalogError> {
        self.families_in(&self.folder.join(SAMPLES))
    }

    fn families_in(&self, folder: &Path) -> Result<Vec<Manifest>, CatalogError> {
        let names = folder::list(folder)?;
        let current = names.iter().map(|name| newest(&folder.join(name))).collect::<Result<Vec<_>, _>>()?;
        Ok(current.into_iter().flatten().filter(|m| !m.dropped).collect())
    }

    /// The number of the newest generation of every family folder, a cheap way to see that nothing changed.
    ///
    /// # Errors
    /// When the folders cannot be listed.
    pub fn versions(&self) -> Result<Vec<(String, u64)>, CatalogError> {
        let names = folder::list(&self.folder.join(SAMPLES))?.into_iter();
        names.map(|name| Ok((name.clone(), newest_generation(&self.family_folder(&name))?.unwrap_or(0)))).collect()
    }

    /// When the folder of samples and those of `families` were modified last, in that order; `None` when one is not there.
    ///
    /// Nothing was published or dropped while these stay the same, as long as they are not so recent that the file system's clock may not
    /// have moved on since.
    #[must_use]
    pub fn touched<'n>(&self, families: impl Iterator<Item = &'n str>) -> Option<Vec<SystemTime>> {
        let samples = self.folder.join(SAMPLES);
        let folders = std::iter::once(samples.clone()).chain(families.map(|name| samples.join(name)));
        folders.map(|folder| folder.metadata().ok()?.modified().ok()).collect()
    }

    /// The current generation of one family.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] suggests how to see the families there are; [`CatalogError::Damaged`].
    pub fn family(&self, name: &str) -> Result<Manifest, CatalogError> {
        let newest = if check_name("sample", name).is_ok() { newest(&self.family_folder(name))? } else { None };
        newest.filter(|m| !m.dropped).ok_or_else(|| CatalogError::NotFound {
            kind: "sample",
            name: name.to_owned(),
            hint: String::new(),
            next: "SHOW SAMPLES lists what there is",
        })
    }

    /// Starts a new generation of `name`, which need not exist yet.
    ///
    /// # Errors
    /// [`CatalogError::Exists`] unless `replace`; [`CatalogError::Busy`] while another process builds it;
    /// [`CatalogError::Name`] for a name that cannot be a folder.
    pub fn begin(&self, name: &str, replace: bool) -> Result<Draft, CatalogError> {
        check_name("sample", name)?;
        self.begin_in(self.family_folder(name), name, replace)
    }

    fn begin_in(&self, folder: PathBuf, name: &str, replace: bool) -> Result<Draft, CatalogError> {
        self.initialise()?;
        // The newest generation only stays the newest under the lock.
        let lock = draft::lock(&folder, name)?;
        let newest = newest(&folder)?;
        if !replace && newest.as_ref().is_some_and(|m| !m.dropped) {
            return Err(CatalogError::Exists { name: name.to_owned() });
        }
        Draft::begin(folder, name, newest.as_ref(), lock)
    }

    /// The current generation of every join of samples, which [`families`](Self::families) does not list.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names a manifest that cannot be trusted.
    pub fn joins(&self) -> Result<Vec<Manifest>, CatalogError> {
        self.families_in(&self.folder.join(JOINS))
    }

    /// The current generation of a join of samples, if there is one.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`].
    pub fn join(&self, name: &str) -> Result<Option<Manifest>, CatalogError> {
        Ok(newest(&self.folder.join(JOINS).join(name))?.filter(|m| !m.dropped))
    }

    /// Starts a new generation of a join of samples, which need not exist yet; its manifest repeats rows.
    ///
    /// # Errors
    /// [`CatalogError::Busy`] while another process builds it; [`CatalogError::Name`] for a name that cannot be a folder.
    pub fn begin_join(&self, name: &str) -> Result<Draft, CatalogError> {
        check_name("join", name)?;
        self.begin_in(self.folder.join(JOINS).join(name), name, true)
    }

    /// The join of samples that a file of the store belongs to; `None` for any other file.
    #[must_use]
    pub fn join_of(file: &Path) -> Option<String> {
        let mut parts = file.components().rev().map(|part| part.as_os_str().to_string_lossy());
        // joins/name/data-00000001/level-0.parquet, or joins/name/manifest-00000001.json
        let place = parts.by_ref().take(4).collect::<Vec<_>>();
        place.windows(2).find(|two| two[1] == JOINS).map(|two| two[0].clone().into_owned())
    }

    /// Removes a join of samples.
    ///
    /// # Errors
    /// When files cannot be removed.
    pub fn remove_join(&self, name: &str) -> Result<(), CatalogError> {
        check_name("join", name)?;
        folder::remove_folder(&self.folder.join(JOINS).join(name))
    }

    /// Drops a family: atomically for readers, then its files.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], [`CatalogError::Busy`], or when files cannot be removed.
    pub fn drop_family(&self, name: &str) -> Result<(), CatalogError> {
        self.family(name)?;
        let _lock = draft::lock(&self.family_folder(name), name)?;
        let newest = self.family(name)?;
        draft::write_tombstone(&self.family_folder(name), &newest)
    }

    fn family_folder(&self, name: &str) -> PathBuf {
        self.folder.join(SAMPLES).join(name)
    }

    /// The folder of a generation's files.
    pub(crate) fn data_folder(&self, manifest: &Manifest) -> PathBuf {
        let kind = if manifest.repeats_rows { JOINS } else { SAMPLES };
        self.folder.join(kind).join(&manifest.name).join(&manifest.data_folder)
    }

    /// Creates the folder and marks it as a store, as the first write would.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn initialise(&self) -> Result<(), CatalogError> {
        let marker = self.folder.join(MARKER);
        if marker.exists() {
            return Ok(());
        }
        folder::create_folder(&self.folder)?;
        folder::replace(&marker, &seal::seal(&Marker { format_version: FORMAT_VERSION }, &marker)?)
    }
}

/// The folders of samples, and of joins of samples.
const SAMPLES: &str = "samples";
const JOINS: &str = "joins";

fn newest_generation(family_folder: &Path) -> Result<Option<u64>, CatalogError> {
    let names = folder::list(family_folder)?;
    let numbers = names.iter().filter_map(|n| n.strip_prefix(MANIFEST_PREFIX)?.strip_suffix(".json")?.parse().ok());
    Ok(numbers.max())
}

fn newest(family_folder: &Path) -> Result<Option<Manifest>, CatalogError> {
    let Some(generation) = newest_generation(family_folder)? else { return Ok(None) };
    let file = manifest_file(family_folder, generation);
    decode_manifest(&folder::read_promised(&file)?, &file).map(Some)
}

/// Checks and decodes a manifest's bytes; `file` is named in errors.
///
/// # Errors
/// [`CatalogError::Damaged`] or [`CatalogError::Version`].
pub(crate) fn decode_manifest(bytes: &[u8], file: &Path) -> Result<Manifest, CatalogError> {
    let manifest: Manifest = seal::open(bytes, file)?;
    check_version(manifest.format_version, file)?;
    Ok(manifest)
}

pub(crate) fn manifest_file(family_folder: &Path, generation: u64) -> PathBuf {
    family_folder.join(format!("{MANIFEST_PREFIX}{generation:08}.json"))
}

fn check_version(found: u32, file: &Path) -> Result<(), CatalogError> {
    if (OLDEST_READABLE_VERSION..=FORMAT_VERSION).contains(&found) {
        return Ok(());
    }
    let (oldest, newest) = (OLDEST_READABLE_VERSION, FORMAT_VERSION);
    Err(CatalogError::Version { file: file.to_path_buf(), found, oldest, newest })
}

/// The file name of a definition: letters, digits, `_` and `-` of its name as they are, other characters as `%` and their bytes in
/// hexadecimal; of a long name the beginning and a hash.
fn definition_file(name: &str) -> String {
    let mut file = String::with_capacity(name.len() + 5);
    for character in name.chars() {
        if character.is_alphanumeric() || character == '_' || character == '-' {
            file.push(character);
        } else {
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes).bytes().for_each(|byte| file.push_str(&format!("%{byte:02X}")));
        }
    }
    if file.is_empty() || file.len() > FILE_NAME_MAX {
        let hash = blake3::hash(name.as_bytes()).to_hex();
        let start: String = file.chars().take(FILE_NAME_MAX / 8).collect();
        file = format!("{start}%{}", &hash[..32]);
    }
    file + ".json"
}

fn check_name(kind: &'static str, name: &str) -> Result<(), CatalogError> {
    let bad = |what| Err(CatalogError::Name { kind, name: name.to_owned(), what });
    if name.is_empty() || name.chars().count() > 128 {
        return bad("it is empty or too long");
    }
    if !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return bad("it holds characters that are not safe in a file name");
    }
    Ok(())
}
