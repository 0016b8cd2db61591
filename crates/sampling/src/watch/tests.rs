use super::*;
use crate::local::tests::{CHANGES, folder, table};
use crate::source::base_files;
use datafusion::prelude::SessionContext;
use std::fs;
use std::path::Path;

const SOON: Duration = Duration::from_millis(500);

struct World {
    folder: tempfile::TempDir,
    table: Arc<dyn TableProvider>,
    then: Vec<BaseFile>,
    state: datafusion::execution::SessionState,
    watches: Watches,
}

impl World {
    /// A folder whose files were checked once.
    async fn new() -> Self {
        let (folder, state) = (folder(), SessionContext::new().state());
        let table = table(&format!("{}/", folder.path().display())).await;
        let then = base_files(&table, &state).await.unwrap().unwrap();
        let world = Self { folder, table, then, state, watches: Watches::default() };
        assert!(!world.is_quiet(Duration::ZERO));
        assert!(world.is_same(Duration::ZERO));
        world
    }

    fn is_quiet(&self, now: Duration) -> bool {
        matches!(self.watches.find(&self.then, &self.table, now), WatchState::Quiet)
    }

    fn is_same(&self, now: Duration) -> bool {
        self.watches.are_unchanged(&self.then, &self.table, now)
    }
}

#[tokio::test]
async fn a_change_is_seen_at_once() {
    for (name, change, is_other) in CHANGES {
        let world = World::new().await;
        assert!(world.is_quiet(SOON), "{name}");
        change(world.folder.path());
        assert_eq!(world.is_same(SOON), !is_other, "{name}");
        // A change that does not matter is over once the files were checked.
        assert_eq!(world.is_quiet(SOON), !is_other, "{name}");
    }
}

#[tokio::test]
async fn quiet_is_not_believed_for_ever() {
    let world = World::new().await;
    assert!(!world.is_quiet(Duration::from_secs(1)));
    assert!(world.is_same(Duration::from_secs(1)) && world.is_quiet(Duration::from_millis(1_900)));
}

#[tokio::test]
async fn another_folder_under_the_same_name_is_seen() {
    let world = World::new().await;
    let (at, away) = (world.folder.path().to_owned(), world.folder.path().with_extension("away"));
    fs::rename(&at, &away).unwrap();
    fs::create_dir(&at).unwrap();
    assert!(!world.is_quiet(SOON) && !world.is_same(SOON));
    fs::remove_dir_all(away).unwrap();
}

/// A table with files that may be changed from elsewhere is never called quiet.
#[tokio::test]
async fn links_are_not_watched() {
    let link: [fn(&Path, &Path); 2] =
        [|from, to| std::os::unix::fs::symlink(from, to).unwrap(), |from, to| fs::hard_link(from, to).unwrap()];
    for link in link {
        let mut world = World::new().await;
        let real = world.folder.path().with_extension("real");
        fs::write(&real, "elsewhere").unwrap();
        link(&real, &world.folder.path().join("link.parquet"));
        world.then = base_files(&world.table, &world.state).await.unwrap().unwrap();
        assert!(world.is_same(SOON) && !world.is_quiet(SOON));
        fs::write(&real, "longer than before").unwrap();
        assert!(!world.is_same(SOON));
        fs::remove_file(real).unwrap();
    }
}
