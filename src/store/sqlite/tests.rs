mod backup;
mod sealing;

use super::*;
use crate::ids::{OsRandom, SiteId};
use crate::store::Sealer;
use crate::store::contract::{self, click, expose, exposures, key, put};
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("data/noren.db")
    }

    fn open(&self) -> Result<SqliteStore, StoreError> {
        self.open_with(None)
    }

    fn open_with(&self, sealer: Option<Arc<Sealer>>) -> Result<SqliteStore, StoreError> {
        let few = StoreSettings { cache_bytes: 32 << 10, sealer, ..StoreSettings::default() };
        SqliteStore::open(&self.path(), &few, &OsRandom)
    }

    fn refusal(&self) -> String {
        self.open().err().expect("it is refused").to_string()
    }

    fn count_events(&self, site: &SiteId) -> usize {
        let database = Connection::open(self.path()).unwrap();
        let count = "SELECT count(*) FROM events WHERE site = ?1";
        database.query_row(count, [site.as_str()], |row| row.get::<_, u32>(0)).unwrap() as usize
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_holds_the_contract() {
    let folder = Folder::new();
    contract::holds(|| Arc::new(folder.open().unwrap()), |site| folder.count_events(site)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_holds_the_contract_of_ledgers() {
    let folder = Folder::new();
    let text = async |query: &str| {
        let database = Connection::open(folder.path()).unwrap();
        database.query_row(query, (), |row| row.get::<_, String>(0)).unwrap()
    };
    crate::store::ledger::contract::holds(|| Arc::new(folder.open().unwrap()), text).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_holds_the_contract_of_outboxes() {
    let folder = Folder::new();
    crate::store::outbox::contract::holds(|| Arc::new(folder.open().unwrap())).await;
}

#[tokio::test]
async fn call_that_panics_or_fails_is_undone_and_costs_nobody_else_anything() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let count = |connection: &Connection| connection.execute("UPDATE ping SET count = count + 1", ());
    let (fine, panics, fails, fine_too, looks) = tokio::join!(
        store.change(count),
        store.change(move |connection| -> rusqlite::Result<()> {
            count(connection)?;
            panic!("on purpose")
        }),
        store.change(move |connection| {
            count(connection)?;
            connection.execute("nonsense", ())
        }),
        store.change(count),
        store.look(|_| -> rusqlite::Result<()> { panic!("on purpose") }),
    );
    assert!(fine.is_ok() && fine_too.is_ok());
    assert!(panics.unwrap_err().to_string().contains("a mistake in the program"));
    assert!(fails.unwrap_err().to_string().contains("nonsense") && looks.is_err());
    for _ in 0..READERS {
        let found: i64 =
            store.look(|reader| reader.query_row("SELECT count FROM ping", (), |row| row.get(0))).await.unwrap();
        assert_eq!(found, 2);
    }
}

#[test]
fn processes_that_start_at_once_share_a_new_store() {
    for _ in 0..5 {
        let folder = Folder::new();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| folder.open().unwrap());
            }
        });
    }
}

#[test]
fn data_is_for_its_owner_alone() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let files = std::fs::read_dir(folder.path().parent().unwrap()).unwrap();
    let modes: Vec<_> = files.map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect();
    assert!(modes.len() >= 2 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
    drop(store);
}

#[test]
fn damaged_file_is_refused_with_a_way_out() {
    let folder = Folder::new();
    drop(folder.open().unwrap());
    let whole = std::fs::read(folder.path()).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..].fill(0xAA);
    for content in [b"not a database, but long enough to look like something".repeat(100), damaged] {
        std::fs::write(folder.path(), &content).unwrap();
        let error = folder.refusal();
        assert!(error.contains("noren.db") && error.contains("restore it from a backup"), "{error}");
        assert_eq!(std::fs::read(folder.path()).unwrap(), content, "nothing is made worse");
    }
}

#[test]
fn database_of_another_program_or_a_newer_version_is_refused() {
    let folder = Folder::new();
    drop(folder.open().unwrap());
    Connection::open(folder.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = folder.refusal();
    assert!(error.contains("its version is 99") && error.contains("run the newer program"), "{error}");

    std::fs::remove_file(folder.path()).unwrap();
    Connection::open(folder.path()).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    assert!(folder.refusal().contains("another program's database"));
}

#[test]
fn place_that_cannot_be_written_is_refused_with_a_remedy() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("data"), "a file where the folder should be").unwrap();
    let error = folder.refusal();
    assert!(error.contains("data/noren.db") && error.contains("this user may write there"), "{error}");
}

#[test]
fn unknown_kind_of_store_is_refused_without_its_password() {
    let open = |location: &str| crate::store::open(location, &StoreSettings::default(), &OsRandom);
    let error = open("mysql://user:secret@host/0").err().unwrap().to_string();
    assert!(error.contains("mysql:…: no such kind of store") && !error.contains("secret"), "{error}");
    let folder = Folder::new();
    open(&format!("sqlite:{}", folder.path().display())).unwrap();
    open(&folder.path().display().to_string()).unwrap();
}

#[tokio::test]
async fn full_disk_is_an_error_and_what_was_refused_is_written_once_there_is_room() {
    let folder = Folder::new();
    let live = Arc::new(LiveProfiles::new(&StoreSettings::default()));
    let mut writer =
        writer::Writer::new(schema::open(&folder.path()).unwrap(), 1, live.clone(), Default::default(), &folder.path())
            .unwrap();
    let profile = live.create(&key("full", 1));
    expose(&profile);
    let all = put(&key("full", 1), &profile).into_iter().chain(vec![click(&key("full", 1)); 5000]).collect();
    let batch = [writer::Batch { id: BatchId::NONE, writes: all }];

    writer.limit_pages(Some(20));
    let error = failed("db", &writer.commit(&batch, 0, Vec::new(), &mut Vec::new()).unwrap_err()).to_string();
    assert!(error.contains("the store at db failed: the disk is full"), "{error}");
    assert_eq!(folder.count_events(&SiteId::new("full")), 0, "all or nothing");

    writer.limit_pages(None);
    writer.commit(&batch, 1, Vec::new(), &mut Vec::new()).unwrap();
    assert_eq!(folder.count_events(&SiteId::new("full")), 5000);
    assert_eq!(exposures(&folder.open().unwrap().load(&key("full", 1)).await.unwrap()), 1);
}

#[tokio::test]
async fn what_was_handed_over_before_the_end_is_written() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let (done, outcome) = oneshot::channel();
    let batch = writer::Batch { id: BatchId::NONE, writes: vec![click(&key("end", 1)); 100] };
    store.channels().unwrap().write.send(writer::Job::Write { batch, done }).unwrap();
    drop(store);
    outcome.await.unwrap().unwrap();
    assert_eq!(folder.count_events(&SiteId::new("end")), 100);
}

#[tokio::test]
async fn sqlite_keeps_products() {
    let folder = Folder::new();
    crate::store::products::contract::holds(|| folder.open().unwrap(), |store| Store::products(store)).await;
}

#[tokio::test]
async fn unreadable_profile_fails_its_own_visitor_only() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    for visitor in [1, 2] {
        let profile = store.create(&key("one bad", visitor));
        expose(&profile);
        store.write(put(&key("one bad", visitor), &profile)).await.unwrap();
    }
    drop(store);
    let database = Connection::open(folder.path()).unwrap();
    database.execute("UPDATE profiles SET body = x'02' WHERE visitor = ?1", [key("", 1).visitor.0]).unwrap();
    let store = folder.open().unwrap();
    let error = store.load(&key("one bad", 1)).await.unwrap_err().to_string();
    assert!(error.contains("version 2, which is newer"), "{error}");
    assert_eq!(exposures(&store.load(&key("one bad", 2)).await.unwrap()), 1);
}

#[tokio::test]
async fn profile_that_a_newer_program_wrote_is_left_to_it() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let (theirs, ours) = (key("handed over", 1), key("handed over", 2));
    let profiles = [store.create(&theirs), store.create(&ours)];
    store.write(put(&theirs, &profiles[0])).await.unwrap();
    let database = Connection::open(folder.path()).unwrap();
    database.execute("UPDATE profiles SET body = x'02', revision = revision + 1, process = 0", ()).unwrap();
    profiles.iter().for_each(expose);
    store.write([put(&theirs, &profiles[0]), put(&ours, &profiles[1])].concat()).await.unwrap();
    let body: Vec<u8> = database
        .query_row("SELECT body FROM profiles WHERE visitor = ?1", [theirs.visitor.0], |row| row.get(0))
        .unwrap();
    assert_eq!(body, [2]);
    drop(store);
    assert_eq!(exposures(&folder.open().unwrap().load(&ours).await.unwrap()), 1);
}
